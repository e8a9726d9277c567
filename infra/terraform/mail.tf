# E-mail of alert routes: one topic for each address, which the function finds by its name. Whoever
# reads there confirms the subscription once; SNS asks for it by itself.

locals {
  mail_topic_prefix = "${local.arn.sns}:${var.deployment}-alert-"
  mail_topics       = { for address in module.definitions.addresses : address => substr(sha256(address), 0, 12) }
}

resource "aws_sns_topic" "mail" {
  for_each = local.mail_topics

  name = "${var.deployment}-alert-${each.value}"
}

resource "aws_sns_topic_subscription" "mail" {
  for_each = local.mail_topics

  topic_arn = aws_sns_topic.mail[each.key].arn
  protocol  = "email"
  endpoint  = each.key
}
