output "files" {
  description = "The text of every definition, by path."
  value       = local.files
}

output "schedules" {
  description = "Schedules by what they are for: workflow/…, provision/… or terminate/…, then team/name."
  value       = local.schedules
}

output "patterns" {
  description = "Event patterns, as JSON, by workflow and position."
  value       = local.patterns
}

output "all_teams" {
  description = "Every team, whether or not it has schedules."
  value       = toset([for path in local.paths : split("/", path)[0] if can(regex("^[a-z0-9_-]+/team\\.yaml$", path))])
}

output "teams" {
  description = "Teams that have schedules."
  value       = toset([for schedule in local.schedules : schedule.team])
}

output "addresses" {
  description = "E-mail addresses that alert routes name."
  value       = local.addresses
}
