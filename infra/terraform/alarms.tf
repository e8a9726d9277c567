# What must never happen and no function can tell, because functions are what fails. Of each inbox its
# own module tells that letters were set aside, and that messages wait for long.

resource "aws_cloudwatch_metric_alarm" "nobody_alerts" {
  alarm_name          = "${var.deployment}-nobody-alerts"
  alarm_description   = "alert crashes again and again: whatever goes wrong is told to nobody. See its log."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = "${var.deployment}-alert" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "nobody_reconciles" {
  alarm_name          = "${var.deployment}-nobody-reconciles"
  alarm_description   = "reconcile has not run for a quarter of an hour: what is lost now is noticed by nobody. See its schedule and its inbox."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = "${var.deployment}-reconcile" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  # Lambda tells nothing of functions that nobody calls.
  treat_missing_data = "breaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "throttled" {
  alarm_name          = "${var.deployment}-throttled"
  alarm_description   = "Lambda throttles functions of this account and Region: there are too many at once for its limit."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}
