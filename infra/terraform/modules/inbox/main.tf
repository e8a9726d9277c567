# An inbox: the queue a function takes its messages from, where its dead letters go, and who may
# put messages into it. Other functions and schedules may by their own roles.

locals {
  keep_s = 14 * 24 * 60 * 60
}

resource "aws_sqs_queue" "inbox" {
  name                      = var.name
  message_retention_seconds = local.keep_s
  # What AWS advises, so that a message of a batch at work does not come a second time.
  visibility_timeout_seconds = 6 * var.function_timeout_s
  sqs_managed_sse_enabled    = true
  policy                     = local.policies.inbox

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = local.keep_s
  sqs_managed_sse_enabled   = true
  policy                    = local.policies.dead_letters

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["${var.arn_prefix}${var.name}"]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Messages were set aside: see `murmur dead-letters list`."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # SQS tells nothing of queues that nobody has used for hours.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "age" {
  alarm_name          = "${var.name}-age"
  alarm_description   = "A message has waited in the inbox for an hour: its function is not there, or what it needs is not. See its log."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.inbox.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn        = aws_sqs_queue.inbox.arn
  function_name           = var.function_name
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  maximum_batching_window_in_seconds = var.batching_window_s

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

resource "aws_sns_topic_subscription" "facts" {
  count = length(var.fact_types) > 0 ? 1 : 0

  topic_arn            = var.topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.inbox.arn
  raw_message_delivery = true
  filter_policy        = var.fact_types == tolist(["*"]) ? null : jsonencode({ type = var.fact_types })
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })
}

locals {
  senders = merge(
    length(var.fact_types) > 0 ? { Facts = { service = "sns.amazonaws.com", source = var.topic_arn } } : {},
    var.takes_events ? { Events = { service = "events.amazonaws.com", source = var.rule_arns } } : {},
  )
  # Both queues: what cannot be put into the inbox goes to its dead letters.
  policies = {
    for queue, name in { inbox = var.name, dead_letters = "${var.name}-dead-letters" } : queue =>
    length(local.senders) == 0 ? null : jsonencode({
      Version = "2012-10-17"
      Statement = [
        for sid, sender in local.senders : {
          Sid       = sid
          Effect    = "Allow"
          Action    = "sqs:SendMessage"
          Resource  = "${var.arn_prefix}${name}"
          Principal = { Service = sender.service }
          Condition = { ArnLike = { "aws:SourceArn" = sender.source } }
        }
      ]
    })
  }
}
