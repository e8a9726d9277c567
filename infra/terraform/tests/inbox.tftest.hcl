mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:some" }
  }
}

variables {
  name                = "prod-submit-task"
  arn_prefix          = "arn:aws:sqs:eu-west-1:123456789012:"
  function_name       = "prod-submit-task"
  function_timeout_s  = 60
  maximum_concurrency = 20
  max_receives        = 100
  batch_size          = 10
  batching_window_s   = 1
  topic_arn           = "arn:aws:sns:eu-west-1:123456789012:prod-events"
  fact_types          = ["murmur.task.ready.v1"]
  takes_events        = false
  rule_arns           = "arn:aws:events:eu-west-1:123456789012:rule/prod-*"
  alarm_actions       = []
}

run "messages_wait_out_an_outage" {
  command = plan

  module {
    source = "./modules/inbox"
  }

  assert {
    condition     = aws_sqs_queue.inbox.message_retention_seconds == 1209600 && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "Messages are kept for 14 days."
  }

  assert {
    condition     = aws_sqs_queue.inbox.visibility_timeout_seconds == 360
    error_message = "A message at work stays away six times as long as the function may take."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One message of a batch that failed must not bring back the others."
  }
}

run "what_comes_together_is_handled_together" {
  command = plan

  module {
    source = "./modules/inbox"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.batch_size == 10 && aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1
    error_message = "A batch is to fill for as long as it may."
  }
}

run "only_the_topic_sends_facts" {
  command = plan

  module {
    source = "./modules/inbox"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.inbox.policy).Statement == [{
      Sid       = "Facts"
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:eu-west-1:123456789012:prod-submit-task"
      Principal = { Service = "sns.amazonaws.com" }
      Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:123456789012:prod-events" } }
    }]
    error_message = aws_sqs_queue.inbox.policy
  }

  assert {
    condition     = aws_sns_topic_subscription.facts[0].filter_policy == jsonencode({ type = ["murmur.task.ready.v1"] })
    error_message = aws_sns_topic_subscription.facts[0].filter_policy
  }

  assert {
    condition     = aws_sns_topic_subscription.facts[0].raw_message_delivery
    error_message = "Functions read facts, not what SNS wraps them in."
  }
}

run "nobody_sends_where_nothing_comes_from_outside" {
  command = plan

  module {
    source = "./modules/inbox"
  }

  variables {
    fact_types = []
  }

  assert {
    condition     = length(aws_sns_topic_subscription.facts) == 0 && length(local.senders) == 0
    error_message = jsonencode(local.senders)
  }
}

run "the_mirror_takes_every_fact" {
  command = plan

  module {
    source = "./modules/inbox"
  }

  variables {
    fact_types = ["*"]
  }

  assert {
    condition     = aws_sns_topic_subscription.facts[0].filter_policy == null
    error_message = "It has a filter."
  }
}
