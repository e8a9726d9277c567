# What comes from AWS by itself: events of EMR and Batch, and reconcile's own tick.

locals {
  takes_events = ["start-run", "observe-task", "record-cluster"]

  # Names begin with the deployment's, and only states that move something on are wanted: the others
  # would be invocations for nothing.
  ours = [{ prefix = "${var.deployment}--" }]
  service_events = {
    emr-steps = {
      inbox = "observe-task"
      pattern = {
        source      = [var.emr_event_source]
        detail-type = ["EMR Step Status Change"]
        detail = {
          name  = local.ours
          state = ["RUNNING", "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"]
        }
      }
    }
    emr-clusters = {
      inbox = "record-cluster"
      pattern = {
        source      = [var.emr_event_source]
        detail-type = ["EMR Cluster State Change"]
        detail = {
          name = local.ours
          # A cluster that has come up is WAITING; RUNNING and WAITING then alternate with its work.
          state = ["STARTING", "WAITING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"]
        }
      }
    }
    batch-jobs = {
      inbox = "observe-task"
      pattern = {
        source      = [var.batch_event_source]
        detail-type = ["Batch Job State Change"]
        detail = {
          jobName = local.ours
          status  = ["RUNNING", "SUCCEEDED", "FAILED"]
          # Children of an array end nothing; their parent does.
          arrayProperties = { index = [{ exists = false }] }
        }
      }
    }
  }
}

module "service_events" {
  source   = "./modules/event-rule"
  for_each = local.service_events

  name             = "${var.deployment}-${each.key}"
  description      = "Tells ${each.value.inbox} of ${each.key}"
  pattern          = jsonencode(each.value.pattern)
  inbox_arn        = module.inbox[each.value.inbox].arn
  dead_letters_arn = module.inbox[each.value.inbox].dead_letters_arn
}

resource "aws_scheduler_schedule_group" "deployment" {
  name = var.deployment
}

module "sweep" {
  source = "./modules/schedule"

  name             = "sweep"
  group            = aws_scheduler_schedule_group.deployment.name
  expression       = "rate(2 minutes)"
  timezone         = "UTC"
  message          = jsonencode("sweep")
  inbox_arn        = module.inbox["reconcile"].arn
  dead_letters_arn = module.inbox["reconcile"].dead_letters_arn
  role_arn         = aws_iam_role.scheduler.arn

  depends_on = [aws_iam_role_policy.scheduler]
}

resource "aws_iam_role" "scheduler" {
  name        = "${var.deployment}-scheduler"
  description = "EventBridge Scheduler puts murmur's ticks into inboxes with it"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "ticks"
  role = aws_iam_role.scheduler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "Tick"
      Effect = "Allow"
      Action = "sqs:SendMessage"
      Resource = flatten([
        for inbox in concat(["start-run", "provision-cluster", "terminate-cluster", "reconcile"], var.history ? ["archive-facts"] : []) :
        [module.inbox[inbox].arn, module.inbox[inbox].dead_letters_arn]
      ])
    }]
  })
}
