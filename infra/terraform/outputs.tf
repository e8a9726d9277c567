output "how_to_look" {
  description = "What shows the deployment at work."
  value       = "murmur --target aws --deployment ${var.deployment} --region ${local.region} timeline"
}

output "registered" {
  description = "What the last registration of the definitions said."
  value       = jsondecode(aws_lambda_invocation.register.result)
}

output "warnings" {
  description = "What is odd about the definitions, as `murmur check` tells it; null when nothing is."
  value       = try(local.checked.warnings == "" ? null : local.checked.warnings, null)
}

output "table" {
  description = "The state table, for queries."
  value       = module.table.name
}

output "topic_arn" {
  description = "The topic of facts, to subscribe to."
  value       = aws_sns_topic.events.arn
}

output "mirror_bus_arn" {
  description = "The bus that every fact also goes to, for rules; null without one."
  value       = one(aws_cloudwatch_event_bus.facts[*].arn)
}

output "queue_url_prefix" {
  description = "An inbox is this and a function's name; its dead letters are that and -dead-letters."
  value       = local.environment.MURMUR_QUEUE_URL_PREFIX
}

output "read_policy_arn" {
  description = "The policy of people and roles that look at the deployment."
  value       = module.people.read_arn
}

output "operate_policy_arn" {
  description = "The policy that those who operate the deployment have besides."
  value       = module.people.operate_arn
}

output "emr_roles" {
  description = "The roles clusters have: EMR's own, and the machines' instance profile."
  value       = { service_role = local.emr.service_role, instance_profile = local.emr.instance_profile }
}

output "log_archive_bucket" {
  description = "The bucket of what the functions decided, as lines of JSON by date and hour; null without one."
  value       = one(module.log_archive[*].bucket)
}

output "history" {
  description = "Where history is kept: the bucket, and the database that Athena asks; null without it."
  value       = one([for history in module.history : { bucket = history.bucket, database = history.database }])
}
