# What people look at: one dashboard for each team, and one of the platform. They hold what is metered
# anyway; the names are those of metrics.json, which a test holds to the code.

locals {
  # Each deployment has a namespace of its own; so does the code.
  namespace = "murmur/${var.deployment}"

  widths    = { half = 12, third = 8 }
  log_lines = join(" | ", [for function in keys(local.inboxes) : "SOURCE '/aws/lambda/${var.deployment}-${function}'"])

  # A widget: title, width, statistic and metrics, each with what it is called; a text is an expression.
  team_charts = {
    for team in module.definitions.all_teams : team => [
      { title = "Runs", width = "half", stat = "Sum", metrics = [
        for name in ["runs_started", "runs_succeeded", "runs_failed", "runs_cancelled", "runs_skipped", "runs_waiting"] : [local.namespace, name, "team", team]
      ] },
      { title = "Runs that failed, by workflow", width = "half", stat = "Sum", metrics = [
        [{ expression = "SEARCH('{${local.namespace},team,workflow} MetricName=\"runs_failed\" team=\"${team}\"', 'Sum', 3600)", id = "failed", label = "$${PROP('Dim.workflow')}" }],
      ] },
      { title = "Attempts that began, and how tasks ended", width = "third", stat = "Sum", metrics = [
        for name in ["attempts_started", "tasks_succeeded", "tasks_failed", "tasks_skipped", "tasks_blocked", "tasks_cancelled"] : [local.namespace, name, "team", team]
      ] },
      { title = "Attempts that failed, by class", width = "third", stat = "Sum", metrics = [
        for name in ["attempts_failed_application", "attempts_failed_infrastructure", "attempts_failed_refused", "task_retries"] : [local.namespace, name, "team", team]
      ] },
      { title = "Deadlines missed", width = "third", stat = "Sum", metrics = [[local.namespace, "deadlines_missed", "team", team]] },
      { title = "From ready to started, seconds", width = "third", stat = "p50", metrics = [
        [local.namespace, "queue_to_start_seconds", "team", team, { stat = "p50", label = "half of them" }],
        [local.namespace, "queue_to_start_seconds", "team", team, { stat = "p95", label = "19 of 20" }],
      ] },
      { title = "Tasks took, seconds", width = "third", stat = "p50", metrics = [
        [local.namespace, "task_duration_seconds", "team", team, { stat = "p50", label = "half of them" }],
        [local.namespace, "task_duration_seconds", "team", team, { stat = "p95", label = "19 of 20" }],
      ] },
      { title = "Runs took, seconds, by workflow", width = "third", stat = "p95", metrics = [
        [{ expression = "SEARCH('{${local.namespace},team,workflow} MetricName=\"run_duration_seconds\" team=\"${team}\"', 'p95', 3600)", id = "took", label = "$${PROP('Dim.workflow')}" }],
      ] },
      { title = "Hours of clusters", width = "third", stat = "Sum", metrics = [[local.namespace, "cluster_hours", "team", team], [local.namespace, "clusters_failed", "team", team]] },
      { title = "Open steps, by cluster", width = "third", stat = "Maximum", metrics = [
        [{ expression = "SEARCH('{${local.namespace},team,cluster} MetricName=\"cluster_open_steps\" team=\"${team}\"', 'Maximum', 300)", id = "open", label = "$${PROP('Dim.cluster')}" }],
      ] },
      { title = "Places taken of pools and quotas", width = "third", stat = "Maximum", metrics = [
        [{ expression = "SEARCH('{${local.namespace},limit} MetricName=\"limit_used\" \"${team}\"', 'Maximum', 300)", id = "used", label = "$${PROP('Dim.limit')}" }],
      ] },
    ]
  }

  platform_charts = [
    { title = "Runs that succeeded, by team", width = "half", stat = "Sum", metrics = [
      for team in module.definitions.all_teams : [local.namespace, "runs_succeeded", "team", team, { label = team }]
    ] },
    { title = "Runs that failed, by team", width = "half", stat = "Sum", metrics = [
      for team in module.definitions.all_teams : [local.namespace, "runs_failed", "team", team, { label = team }]
    ] },
    { title = "Age of messages when they are taken, seconds", width = "half", stat = "p99", metrics = [
      for function in setintersection(keys(local.known_inboxes), keys(local.inboxes)) : [local.namespace, "inbox_lag_seconds", "function", function, { label = function }]
    ] },
    { title = "Dead letters", width = "half", stat = "Maximum", metrics = [
      for function in keys(local.inboxes) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.deployment}-${function}-dead-letters", { label = function }]
    ] },
    { title = "What the others take to answer, seconds", width = "third", stat = "p99", metrics = [
      for name in ["store_latency_seconds", "bus_latency_seconds", "compute_latency_seconds"] : [local.namespace, name]
    ] },
    { title = "Mended by reconcile", width = "third", stat = "Sum", metrics = [
      for correction in local.corrections : [local.namespace, "reconcile_corrections", "correction", correction, { label = correction }]
    ] },
    { title = "Hours of clusters, by team", width = "third", stat = "Sum", metrics = [
      for team in module.definitions.all_teams : [local.namespace, "cluster_hours", "team", team, { label = team }]
    ] },
    { title = "Functions that crashed", width = "third", stat = "Sum", metrics = [
      for function in keys(local.inboxes) : ["AWS/Lambda", "Errors", "FunctionName", "${var.deployment}-${function}", { label = function }]
    ] },
    { title = "Functions that were throttled", width = "third", stat = "Sum", metrics = [
      for function in keys(local.inboxes) : ["AWS/Lambda", "Throttles", "FunctionName", "${var.deployment}-${function}", { label = function }]
    ] },
    { title = "Bytes of logs, which are paid for", width = "third", stat = "Sum", metrics = [
      for function in keys(local.inboxes) : ["AWS/Logs", "IncomingBytes", "LogGroupName", "/aws/lambda/${var.deployment}-${function}", { label = function }]
    ] },
  ]
  # Those of `Correction` in the model, which a test holds to it.
  corrections = ["instance", "job", "place", "request", "run", "step", "tick"]

  charts = merge({ for team, charts in local.team_charts : "team-${team}" => charts }, { platform = local.platform_charts })
  dashboards = {
    for name, charts in local.charts : name => {
      start = "-PT24H"
      widgets = concat(
        [for chart in charts : {
          type   = "metric"
          width  = local.widths[chart.width]
          height = 6
          properties = {
            title   = chart.title
            region  = local.region
            view    = "timeSeries"
            stat    = chart.stat
            period  = 300
            metrics = chart.metrics
          }
        }],
        [{
          type   = "log"
          width  = 24
          height = 6
          properties = {
            title  = name == "platform" ? "Warnings and errors" : "What failed last"
            region = local.region
            view   = "table"
            query = join(" | ", [
              local.log_lines,
              "fields @timestamp, run, task, attempt, message, reason",
              name == "platform" ? "filter level in ['WARN', 'ERROR']" : "filter run like /^${trimprefix(name, "team-")}--/ and message in ['run.failed', 'task.failed', 'task.retrying', 'deadline.missed']",
              "sort @timestamp desc",
              "limit 50",
            ])
          }
        }],
      )
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  for_each = { for name, dashboard in local.dashboards : name => jsonencode(dashboard) if var.dashboards }

  dashboard_name = "${var.deployment}-${each.key}"
  dashboard_body = each.value
}
