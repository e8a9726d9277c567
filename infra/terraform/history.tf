# History for analysis: what has ended, as Parquet files, and tables of it for Athena.

locals {
  history_bucket = "${var.deployment}-history-${local.account}-${local.region}"
  # What is history, and how it is written; a test holds both to the code.
  history = jsondecode(file("${path.module}/history.json"))
}

module "history" {
  source = "./modules/history"
  count  = var.history ? 1 : 0

  bucket           = local.history_bucket
  database         = "${replace(var.deployment, "-", "_")}_history"
  tables           = local.history.tables
  teams            = sort(setunion(module.definitions.all_teams, var.history_former_teams))
  since            = var.history_since
  keep_days        = var.history_days
  can_be_destroyed = !var.deletion_protection
}

# Files of days that are over become one; at an hour when nobody asks.
module "merge" {
  source = "./modules/schedule"
  count  = var.history ? 1 : 0

  name             = "merge-history"
  group            = aws_scheduler_schedule_group.deployment.name
  expression       = "cron(30 2 * * ? *)"
  timezone         = "UTC"
  message          = jsonencode("sweep")
  inbox_arn        = module.inbox["archive-facts"].arn
  dead_letters_arn = module.inbox["archive-facts"].dead_letters_arn
  role_arn         = aws_iam_role.scheduler.arn

  depends_on = [aws_iam_role_policy.scheduler]
}
