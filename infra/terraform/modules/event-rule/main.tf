# An event rule: each event that matches becomes one message in one inbox.

resource "aws_cloudwatch_event_rule" "this" {
  name           = length(var.name) <= 64 ? var.name : "${substr(var.name, 0, 55)}-${substr(sha256(var.name), 0, 8)}"
  description    = var.description
  event_bus_name = var.bus
  event_pattern  = var.pattern

  lifecycle {
    precondition {
      condition     = length(var.pattern) <= 2048
      error_message = "The pattern of ${var.description} has ${length(var.pattern)} characters; EventBridge takes at most 2048."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = var.bus
  target_id      = "inbox"
  arn            = var.inbox_arn

  dead_letter_config {
    arn = var.dead_letters_arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dynamic "input_transformer" {
    for_each = var.message[*]
    content {
      input_template = input_transformer.value
    }
  }
}
