# History: a bucket, its tables, and who writes it.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
  mock_data "aws_lambda_invocation" {
    defaults = { result = "{\"checked\": 1}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/some" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:some" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:some" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:some" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::some" }
  }
  mock_resource "aws_kinesis_firehose_delivery_stream" {
    defaults = { arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/some" }
  }
}

variables {
  deployment           = "prod"
  events_dir           = "tests/events"
  packages_dir         = "tests/packages"
  history              = true
  history_former_teams = ["sales"]
}

run "what_has_ended_is_taken_in_large_batches" {
  command = plan

  assert {
    condition     = toset(local.inboxes.archive-facts) == toset(local.history.facts) && length(local.history.facts) == 11
    error_message = jsonencode(local.inboxes.archive-facts)
  }

  assert {
    condition     = local.batch_sizes.archive-facts == 1000 && var.history_window_seconds == 120
    error_message = "Each batch is a file, so batches are large."
  }

  assert {
    condition     = local.own_environment.archive-facts.MURMUR_HISTORY_BUCKET == "prod-history-123456789012-eu-west-1"
    error_message = "archive-facts does not know its bucket."
  }
}

run "it_may_touch_its_bucket_and_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([for statement in local.statements.archive-facts : statement.resources])) == toset([
      "arn:aws:sqs:eu-west-1:123456789012:prod-archive-facts",
      "arn:aws:sqs:eu-west-1:123456789012:prod-archive-facts-dead-letters",
      "arn:aws:s3:::prod-history-123456789012-eu-west-1",
      "arn:aws:s3:::prod-history-123456789012-eu-west-1/*",
    ])
    error_message = jsonencode(local.statements.archive-facts)
  }
}

run "partitions_follow_from_dates_and_teams" {
  command = plan

  module {
    source = "./modules/history"
  }

  variables {
    bucket           = "prod-history"
    database         = "prod_history"
    tables           = jsondecode(file("history.json")).tables
    teams            = ["energy", "weather"]
    since            = "2026-01-01"
    keep_days        = null
    can_be_destroyed = false
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.files :
      table.name == "${name}_files"
      && table.parameters["projection.team.values"] == "energy,weather"
      && table.parameters["projection.date.range"] == "2026-01-01,NOW+1DAYS"
      && table.parameters["storage.location.template"] == "s3://prod-history/${name}/date=$${date}/team=$${team}/"
      && table.partition_keys[*].name == tolist(["date", "team"])
    ])
    error_message = jsonencode(aws_glue_catalog_table.files)
  }

  assert {
    condition     = aws_glue_catalog_table.files["runs"].storage_descriptor[0].columns[*].name == local.tables.runs.columns[*].name
    error_message = "The table lacks columns of the files."
  }

  assert {
    condition = endswith(
      jsondecode(base64decode(regex("^/\\* Presto View: (.*) \\*/$", aws_glue_catalog_table.view["runs"].view_original_text)[0])).originalSql,
      "row_number() OVER (PARTITION BY date, team, run, generation ORDER BY ended_at DESC) AS copy FROM runs_files) WHERE copy = 1",
    )
    error_message = "What came twice counts twice."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this.rule[0].expiration) == 0
    error_message = "Nobody asked to delete history."
  }
}

run "history_may_be_kept_for_a_while" {
  command = plan

  variables {
    history_days = 800
  }

  assert {
    condition     = output.history.database == "prod_history"
    error_message = jsonencode(output.history)
  }
}

run "what_lambda_would_not_take_is_refused" {
  command = plan

  variables {
    history_window_seconds = 301
    history_since          = "1 March"
  }

  expect_failures = [var.history_window_seconds, var.history_since]
}
