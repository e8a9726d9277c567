# Dashboards, saved queries, alarms and the archive of logs.

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
  mock_resource "aws_lambda_invocation" {
    defaults = { result = "{\"registered\": \"unchanged\"}" }
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
  deployment   = "prod"
  events_dir   = "tests/events"
  packages_dir = "tests/packages"
}

run "each_team_has_a_dashboard_and_so_has_the_platform" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_dashboard.this)) == toset(["platform", "team-weather"])
    error_message = jsonencode(keys(aws_cloudwatch_dashboard.this))
  }
}

run "dashboards_show_only_what_is_measured" {
  command = plan

  # [namespace, name, label, value, …, {options}]: a test of the code holds metrics.json to it.
  assert {
    condition = alltrue(flatten([
      for dashboard in local.dashboards : [
        for widget in dashboard.widgets : [
          for metric in try(widget.properties.metrics, []) : (
            !can(tostring(metric[0])) || metric[0] != local.namespace ? true :
            # A metric that is also kept by workflow is kept by team, too.
            contains([
              jsondecode(file("metrics.json"))[metric[1]],
              slice(jsondecode(file("metrics.json"))[metric[1]], 0, min(1, length(jsondecode(file("metrics.json"))[metric[1]]))),
              ], [for at in range(2, length([for part in metric : part if can(tostring(part))]), 2) : metric[at]
            ])
          )
        ]
      ]
    ]))
    error_message = "A dashboard names a metric, or labels of it, that the code does not know."
  }

  assert {
    condition = alltrue(flatten([
      for dashboard in local.dashboards : [
        for widget in dashboard.widgets : [
          for metric in try(widget.properties.metrics, []) : can(tostring(metric[0])) ? true :
          contains(keys(jsondecode(file("metrics.json"))), regex("MetricName=\"([a-z_]+)\"", metric[0].expression)[0])
        ]
      ]
    ]))
    error_message = "A dashboard searches for a metric that the code does not know."
  }

  assert {
    condition = alltrue(flatten([
      for dashboard in local.dashboards : [
        for widget in dashboard.widgets :
        contains(["metric", "log"], widget.type) && widget.width > 0 && widget.width <= 24 && widget.height > 0
        && widget.properties.title != "" && widget.properties.region == "eu-west-1"
        && (widget.type == "log" ? startswith(widget.properties.query, "SOURCE ") : length(widget.properties.metrics) > 0)
      ]
    ]))
    error_message = "A widget is not as CloudWatch wants it."
  }

  # Every metric is shown somewhere.
  assert {
    condition = alltrue([
      for name in keys(jsondecode(file("metrics.json"))) : strcontains(jsonencode(local.dashboards), name)
    ])
    error_message = "A metric is on no dashboard."
  }
}

run "what_must_never_happen_is_told" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:123456789012:duty"]
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.nobody_alerts, aws_cloudwatch_metric_alarm.nobody_reconciles, aws_cloudwatch_metric_alarm.throttled,
      ] : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:duty"])
    ])
    error_message = "An alarm is heard by nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.nobody_reconciles.treat_missing_data == "breaching"
    error_message = "A function that nobody calls tells nothing."
  }
}

run "what_people_ask_is_saved" {
  command = plan

  assert {
    condition = toset([for query in aws_cloudwatch_query_definition.this : query.name]) == toset([
      "prod/why did this run fail", "prod/slowest tasks", "prod/corrections by reconcile",
    ])
    error_message = jsonencode([for query in aws_cloudwatch_query_definition.this : query.name])
  }

  assert {
    condition = alltrue([
      for query in aws_cloudwatch_query_definition.this : contains(query.log_group_names, "/aws/lambda/prod-reconcile")
    ])
    error_message = "A query asks too few logs."
  }
}

run "logs_outlive_cloudwatch" {
  command = plan

  assert {
    condition     = module.log_archive[0].bucket == "prod-logs-123456789012-eu-west-1"
    error_message = "Logs are kept in no bucket."
  }
}

run "all_of_it_can_be_left_out" {
  command = plan

  variables {
    dashboards          = false
    saved_queries       = false
    log_archive         = false
    metrics_by_workflow = false
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) + length(aws_cloudwatch_query_definition.this) + length(module.log_archive) == 0
    error_message = "Something is there all the same."
  }

  assert {
    condition     = local.environment.MURMUR_METRICS_BY_WORKFLOW == "false"
    error_message = "The functions are not told."
  }
}

run "an_archive_keeps_lines_by_hour_and_moves_them" {
  command = plan

  module {
    source = "./modules/log-archive"
  }

  variables {
    name             = "prod-logs"
    bucket           = "prod-logs-123456789012-eu-west-1"
    account          = "123456789012"
    keep_days        = 400
    can_be_destroyed = false
    log_groups       = { alert = "/aws/lambda/prod-alert" }
  }

  assert {
    condition     = strcontains(aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].prefix, "date=!{timestamp:yyyy-MM-dd}/hour=")
    error_message = "Whoever reads a day would have to read all."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].expiration[0].days == 400
    error_message = "Logs are never deleted."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "The bucket could be read by anybody."
  }

  assert {
    condition     = keys(aws_cloudwatch_log_subscription_filter.this) == ["alert"]
    error_message = "A log is not kept."
  }
}
