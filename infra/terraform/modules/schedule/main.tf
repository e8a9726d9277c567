# A schedule: at each firing one message in one inbox.

locals {
  # EventBridge Scheduler takes no start date that is long past, also when something else of the
  # schedule changes. So the name of a rate says all there is to it: whatever changes makes another
  # schedule, which begins anew.
  is_rate = startswith(var.expression, "rate(")
  all     = jsonencode([var.expression, var.message, var.inbox_arn, var.dead_letters_arn, var.role_arn])
  full    = local.is_rate ? "${var.name}--${substr(sha256(local.all), 0, 8)}" : var.name
  name    = length(local.full) <= 64 ? local.full : "${substr(local.full, 0, 55)}-${substr(sha256(local.full), 0, 8)}"
}

module "rate_start" {
  source = "../rate-start"
  count  = local.is_rate ? 1 : 0

  expression = var.expression
  now        = timestamp()
}

resource "aws_scheduler_schedule" "this" {
  name                         = local.name
  group_name                   = var.group
  schedule_expression          = var.expression
  schedule_expression_timezone = var.timezone
  start_date                   = one(module.rate_start[*].start)

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.inbox_arn
    role_arn = var.role_arn
    input    = var.message

    dead_letter_config {
      arn = var.dead_letters_arn
    }

    # As long and as often as Scheduler can.
    retry_policy {
      maximum_event_age_in_seconds = 86400
      maximum_retry_attempts       = 185
    }
  }

  lifecycle {
    ignore_changes = [start_date]
  }
}
