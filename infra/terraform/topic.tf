# The topic of facts, and the bus that mirrors it. Anyone in the account may subscribe by their own
# policies; other accounts as the variable says.

resource "aws_sns_topic" "events" {
  name = "${var.deployment}-events"
}

resource "aws_sns_topic_policy" "events" {
  arn = aws_sns_topic.events.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:Subscribe"]
        Resource  = aws_sns_topic.events.arn
      }],
      length(var.subscriber_accounts) == 0 ? [] : [{
        Sid       = "Subscribers"
        Effect    = "Allow"
        Principal = { AWS = [for account in var.subscriber_accounts : "arn:${local.partition}:iam::${account}:root"] }
        Action    = ["sns:Subscribe"]
        Resource  = aws_sns_topic.events.arn
      }],
    )
  })
}

resource "aws_cloudwatch_event_bus" "facts" {
  count = var.mirror_bus ? 1 : 0

  name        = "${var.deployment}-facts"
  description = "Every fact of murmur, for rules of other teams"
}
