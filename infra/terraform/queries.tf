# Questions that people ask of the functions' logs, saved where Logs Insights offers them.

locals {
  log_groups = [for function in keys(local.inboxes) : "/aws/lambda/${var.deployment}-${function}"]

  queries = {
    "why did this run fail"    = <<-EOT
      # Put the run's id in place of RUN.
      fields @timestamp, message, task, generation, attempt, reason, correction
      | filter run = "RUN"
      | filter level in ["WARN", "ERROR"] or message in ["run.started", "task.retrying", "task.failed", "task.skipped", "task.cancelled", "run.failed", "run.cancelled"]
      | sort @timestamp asc
      | limit 1000
    EOT
    "slowest tasks"            = <<-EOT
      filter message in ["task.started", "task.retrying", "task.succeeded", "task.failed"]
      | stats (max(@timestamp) - min(@timestamp)) / 1000 as seconds, count_distinct(message) as messages by run, task, generation, attempt
      | filter messages > 1
      | sort seconds desc
      | limit 50
    EOT
    "corrections by reconcile" = <<-EOT
      filter ispresent(correction)
      | stats count(*) as corrections, count_distinct(run) as runs by bin(1d) as day, correction
      | sort day desc, corrections desc
    EOT
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = { for name, query in local.queries : name => query if var.saved_queries }

  name            = "${var.deployment}/${each.key}"
  log_group_names = local.log_groups
  query_string    = each.value

  depends_on = [module.function]
}
