# The whole deployment, planned offline.

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
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::some" }
  }
  mock_resource "aws_kinesis_firehose_delivery_stream" {
    defaults = { arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/some" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:some" }
  }
}

variables {
  deployment   = "prod"
  events_dir   = "tests/events"
  packages_dir = "tests/packages"
}

run "messages_are_those_the_functions_read" {
  command = plan

  # A Rust test reads messages.json as messages.
  assert {
    condition     = { for key, tick in local.ticks : key => jsondecode(tick) } == jsondecode(file("tests/messages.json")).schedules
    error_message = jsonencode(local.ticks)
  }

  assert {
    condition = {
      for key, event in local.events : key => jsondecode(replace(event, "<aws.events.event.json>", "\"<aws.events.event.json>\""))
    } == jsondecode(file("tests/messages.json")).events
    error_message = jsonencode(local.events)
  }

  assert {
    condition     = alltrue([for tick in local.ticks : strcontains(tick, "\"<aws.scheduler.scheduled-time>\"")])
    error_message = "Scheduler knows its placeholders by these very characters."
  }

  assert {
    condition     = alltrue([for event in local.events : strcontains(event, ":<aws.events.event.json>")])
    error_message = "EventBridge knows its placeholders by these very characters, and quotes make the event a text."
  }
}

run "every_function_has_rights_and_a_description" {
  command = plan

  assert {
    condition     = toset(concat(keys(local.inboxes), ["register-definitions", "archive-facts", "export-runs", "mirror-facts"])) == toset(keys(local.statements))
    error_message = jsonencode(keys(local.statements))
  }

  assert {
    condition     = keys(local.statements) == keys(local.descriptions)
    error_message = jsonencode(keys(local.descriptions))
  }
}

run "stars_are_only_where_aws_knows_nothing_finer" {
  command = plan

  assert {
    condition = toset(flatten([
      for function, statements in local.statements : [
        for statement in statements : statement.actions if contains(statement.resources, "*")
      ]
      ])) == toset([
      "batch:DescribeJobs", "batch:ListJobs", "elasticmapreduce:ListClusters", "elasticmapreduce:RunJobFlow",
    ])
    error_message = "Another action has `*` for its resource."
  }

  assert {
    condition = alltrue(flatten([
      for statements in local.statements : [for statement in statements : [for action in statement.actions : !strcontains(action, "*")]]
    ]))
    error_message = "Actions are named one by one."
  }

  assert {
    condition = alltrue(flatten([
      for statements in local.statements : [
        for statement in statements : [
          for resource in statement.resources :
          strcontains(resource, ":123456789012:") || strcontains(resource, ":iam::") || startswith(resource, "arn:aws:s3:::prod-history-123456789012-") || resource == "*"
        ]
      ]
    ]))
    error_message = "Resources are those of this account."
  }
}

run "what_changes_or_ends_work_is_held_to_this_deployment" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statements in local.statements : [
        for statement in statements : try(statement.condition.StringEquals["aws:ResourceTag/murmur:deployment"][0], "") == "prod"
        if length(setintersection(statement.actions, [
          "batch:TerminateJob", "elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:CancelSteps", "elasticmapreduce:TerminateJobFlows",
        ])) > 0
      ]
    ]))
    error_message = "A statement lets a function touch work of others."
  }

  assert {
    condition     = local.statements.provision-cluster.PassRoles.condition.StringLike["iam:PassedToService"] != null
    error_message = "Roles are passed to EMR only."
  }
}

run "steps_run_only_as_the_roles_that_were_given" {
  command = plan

  assert {
    condition     = local.statements.submit-task.SubmitSteps.condition["Null"]["elasticmapreduce:ExecutionRoleArn"][0] == "true"
    error_message = "Without such roles, no step has one."
  }
}

run "steps_run_as_those_roles" {
  command = plan

  variables {
    execution_roles = ["arn:aws:iam::123456789012:role/weather"]
  }

  assert {
    condition     = local.statements.submit-task.SubmitSteps.condition["ArnLikeIfExists"]["elasticmapreduce:ExecutionRoleArn"] == tolist(["arn:aws:iam::123456789012:role/weather"])
    error_message = "The role that was given is not allowed."
  }
}

run "events_of_others_cost_nothing" {
  command = plan

  assert {
    condition = alltrue([
      for rule in local.service_events :
      try(rule.pattern.detail.name, rule.pattern.detail.jobName) == [{ prefix = "prod--" }]
    ])
    error_message = "A rule takes events of other deployments."
  }

  assert {
    condition     = toset(distinct([for rule in local.service_events : rule.inbox])) == setsubtract(local.takes_events, ["start-run"])
    error_message = "An inbox that rules send to does not let them."
  }
}

run "only_who_shares_calls_waits_for_a_batch" {
  command = plan

  assert {
    condition     = length(setsubtract(local.batched, concat(keys(local.inboxes), ["export-runs", "mirror-facts"]))) == 0
    error_message = "An inbox is named that there is not."
  }
}

run "who_posts_to_channels_takes_messages_one_by_one" {
  command = plan

  assert {
    condition     = local.alone == ["alert"] && length(setintersection(local.alone, local.batched)) == 0
    error_message = "A channel that hangs would keep others waiting."
  }
}

run "an_address_is_a_topic_of_its_own" {
  command = plan

  assert {
    condition     = keys(aws_sns_topic.mail) == ["duty@example.com"] && aws_sns_topic_subscription.mail["duty@example.com"].endpoint == "duty@example.com"
    error_message = jsonencode(keys(aws_sns_topic.mail))
  }

  # As shared/aws/src/notifier names it.
  assert {
    condition     = aws_sns_topic.mail["duty@example.com"].name == "prod-alert-c0d211b76863"
    error_message = aws_sns_topic.mail["duty@example.com"].name
  }

  assert {
    condition = (
      local.statements.alert.ReadJobLogs.resources[1] == "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/batch/job:*" &&
      !contains(keys(local.statements.alert), "ReadStepLogs") &&
      contains(local.statements.reconcile.SeeDeadLetters.resources, "arn:aws:sqs:eu-west-1:123456789012:prod-alert-dead-letters") &&
      length(local.statements.reconcile.SeeDeadLetters.resources) == 10
    )
    error_message = jsonencode([local.statements.alert, local.statements.reconcile])
  }

  assert {
    condition     = local.statements.alert.SendMail.resources == ["arn:aws:sns:eu-west-1:123456789012:prod-alert-*"]
    error_message = jsonencode(local.statements.alert)
  }
}

run "optional_parts_are_left_out" {
  command = plan

  assert {
    condition     = !contains(keys(module.function), "mirror-facts") && length(aws_cloudwatch_event_bus.facts) == 0
    error_message = "The mirror was not asked for."
  }

  assert {
    condition     = !contains(keys(module.function), "export-runs") && !contains(keys(module.inbox), "export-runs")
    error_message = "Exports were not asked for."
  }

  assert {
    condition     = !contains(keys(module.function), "archive-facts") && length(module.history) == 0 && output.history == null
    error_message = "History was not asked for."
  }

  assert {
    condition     = !contains(keys(local.statements.record-cluster), "PointNames")
    error_message = "No zone was given."
  }

  assert {
    condition     = length(module.emr_roles) == 1
    error_message = "No roles were given, so they are made."
  }
}

run "optional_parts_come_when_asked_for" {
  command = plan

  variables {
    mirror_bus           = true
    zone                 = { id = "Z1", name = "clusters.example.com" }
    emr_service_role     = "arn:aws:iam::123456789012:role/emr"
    emr_instance_profile = { name = "machines", role_arn = "arn:aws:iam::123456789012:role/machines" }
  }

  assert {
    condition     = contains(keys(module.function), "mirror-facts") && aws_cloudwatch_event_bus.facts[0].name == "prod-facts"
    error_message = "There is no mirror."
  }

  assert {
    condition     = local.statements.record-cluster.PointNames.resources == ["arn:aws:route53:::hostedzone/Z1"]
    error_message = "record-cluster may not point names."
  }

  assert {
    condition     = local.own_environment.record-cluster == tomap({ MURMUR_ZONE_ID = "Z1", MURMUR_ZONE_NAME = "clusters.example.com" })
    error_message = "record-cluster does not know the zone."
  }

  assert {
    condition     = length(module.emr_roles) == 0 && local.emr.passed_roles == ["arn:aws:iam::123456789012:role/emr", "arn:aws:iam::123456789012:role/machines"]
    error_message = "The roles that were given are not used."
  }
}

run "traces_alone_are_told_of_runs_that_have_ended" {
  command = plan

  variables {
    otlp_endpoint       = "https://otlp.example.com"
    otlp_headers_secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:otlp-AbCdEf"
  }

  assert {
    condition     = local.inboxes.export-runs == ["murmur.run.cancelled.v1", "murmur.run.failed.v1", "murmur.run.succeeded.v1"]
    error_message = jsonencode(local.inboxes.export-runs)
  }

  assert {
    condition = local.own_environment.export-runs == {
      OTEL_EXPORTER_OTLP_ENDPOINT = "https://otlp.example.com"
      MURMUR_OTLP_HEADERS_SECRET  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:otlp-AbCdEf"
    }
    error_message = jsonencode(local.own_environment.export-runs)
  }

  assert {
    condition = {
      for name, statement in local.statements.export-runs : name => statement.actions if !contains(["TakeMessages", "SetAside"], name)
    } == { KeepState = ["dynamodb:GetItem", "dynamodb:Query"], ReadKeys = ["secretsmanager:GetSecretValue"] }
    error_message = jsonencode(local.statements.export-runs)
  }

  assert {
    condition     = one(local.statements.export-runs.ReadKeys.resources) == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:otlp-AbCdEf"
    error_message = "It may read another secret."
  }
}

run "lineage_is_told_of_everything_that_runs" {
  command = plan

  variables {
    openlineage_url = "https://marquez.example.com"
  }

  assert {
    condition     = length(local.inboxes.export-runs) == 9 && contains(keys(module.function), "export-runs")
    error_message = jsonencode(local.inboxes.export-runs)
  }

  assert {
    condition     = !contains(keys(local.statements.export-runs), "ReadKeys")
    error_message = "No secret was given."
  }
}

run "exports_go_by_https_and_secrets_are_named_with_their_service" {
  command = plan

  variables {
    otlp_endpoint          = "http://otlp.example.com"
    openlineage_key_secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
  }

  expect_failures = [var.otlp_endpoint, var.openlineage_key_secret]
}

run "broken_definitions_fail_the_first_apply" {

  override_data {
    target = data.aws_lambda_invocation.check
    values = { result = "{\"broken\": \"error[unknown-cluster]: there is no cluster\"}" }
  }

  expect_failures = [aws_lambda_invocation.register]
}

run "good_definitions_are_registered" {
  assert {
    condition     = output.registered.registered == "unchanged"
    error_message = jsonencode(output.registered)
  }
}

run "broken_definitions_fail_every_later_plan" {
  command = plan

  override_data {
    target = data.aws_lambda_invocation.check
    values = { result = "{\"broken\": \"error[unknown-cluster]: there is no cluster\"}" }
  }

  expect_failures = [aws_lambda_invocation.register]
}

run "names_that_would_not_fit_are_refused" {
  command = plan

  variables {
    deployment = "much-too-long"
  }

  expect_failures = [var.deployment]
}

run "other_values_that_cannot_work_are_refused" {
  command = plan

  variables {
    architecture        = "arm"
    function_timeout_s  = 10
    maximum_concurrency = 1
    max_receives        = 3
    webhook_hosts       = ["https://hooks.example.com/"]
    emr_service_role    = "arn:aws:iam::123456789012:role/emr"
  }

  expect_failures = [
    var.architecture, var.function_timeout_s, var.maximum_concurrency, var.max_receives,
    var.emr_instance_profile, var.webhook_hosts,
  ]
}
