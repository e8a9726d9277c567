# What users define: the texts go to register-definitions, schedules and event patterns become
# resources of their own.

module "definitions" {
  source = "./modules/definitions"

  events_dir = local.events_dir
}

# Asked while planning, so that a broken set changes nothing. Where the function itself is to be
# changed, and on the very first apply, that waits for the new one: only it knows what it takes.
data "aws_lambda_invocation" "check" {
  function_name = module.register_definitions.name
  input         = jsonencode({ action = "check", files = module.definitions.files })

  depends_on = [module.register_definitions]
}

locals {
  checked = jsondecode(data.aws_lambda_invocation.check.result)
  # Of its own, or Terraform would print the text twice.
  is_broken = can(local.checked.broken)
}

resource "aws_lambda_invocation" "register" {
  function_name = module.register_definitions.name
  input         = jsonencode({ action = "register", files = module.definitions.files })
  # Another release may read the same texts otherwise.
  triggers = { release = module.register_definitions.code }

  lifecycle {
    precondition {
      condition     = !local.is_broken
      error_message = try(local.checked.broken, "")
    }
  }

  # Everything that reads definitions is up to date before there are new ones.
  depends_on = [module.table, module.inbox, module.function]
}

locals {
  # What a schedule is for: the inbox of its tick, and its name, which no other schedule of its team
  # can have, since names hold no `--`.
  kinds = {
    workflow  = { inbox = "start-run", suffix = "" }
    provision = { inbox = "provision-cluster", suffix = "--provision" }
    terminate = { inbox = "terminate-cluster", suffix = "--terminate" }
  }
  # `jsonencode` would write the placeholders of EventBridge and its Scheduler as \u003c…\u003e.
  ticks = {
    for key, schedule in module.definitions.schedules : key => replace(replace(jsonencode({
      tick = { schedule = key, scheduled_time = "<aws.scheduler.scheduled-time>", late = false, skip = false }
    }), "\\u003c", "<"), "\\u003e", ">")
  }
  events = {
    for key, trigger in module.definitions.patterns : key => replace(jsonencode({
      event = { workflow = trigger.workflow, trigger = trigger.trigger, event = "EVENT" }
    }), "\"EVENT\"", "<aws.events.event.json>")
  }
}

resource "aws_scheduler_schedule_group" "team" {
  for_each = module.definitions.teams

  name = "${var.deployment}-${each.key}"
}

module "schedule" {
  source   = "./modules/schedule"
  for_each = module.definitions.schedules

  name             = "${each.value.name}${local.kinds[split("/", each.key)[0]].suffix}"
  group            = aws_scheduler_schedule_group.team[each.value.team].name
  expression       = each.value.expression
  timezone         = each.value.timezone
  message          = local.ticks[each.key]
  inbox_arn        = module.inbox[local.kinds[split("/", each.key)[0]].inbox].arn
  dead_letters_arn = module.inbox[local.kinds[split("/", each.key)[0]].inbox].dead_letters_arn
  role_arn         = aws_iam_role.scheduler.arn

  depends_on = [aws_lambda_invocation.register, aws_iam_role_policy.scheduler]
}

module "event_rule" {
  source   = "./modules/event-rule"
  for_each = module.definitions.patterns

  name             = "${var.deployment}-${replace(each.key, "/", "--")}"
  description      = "Starts ${each.value.workflow}"
  pattern          = each.value.pattern
  message          = local.events[each.key]
  inbox_arn        = module.inbox["start-run"].arn
  dead_letters_arn = module.inbox["start-run"].dead_letters_arn

  depends_on = [aws_lambda_invocation.register]
}
