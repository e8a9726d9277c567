output "start" {
  description = "The first instant from now on at which the rate fires."
  value       = timeadd("1970-01-01T00:00:00Z", "${ceil(local.now_s / local.period_s) * local.period_s}s")
}
