output "table" {
  description = "The state table."
  value       = module.table.name
}
