# A deployment of murmur: the table, the topic, and for each function its Lambda and its inbox.
# What users define comes in definitions.tf, what each function may do in permissions.tf.

provider "aws" {
  default_tags {
    tags = merge({ "murmur:deployment" = var.deployment }, var.tags)
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  events_dir   = coalesce(var.events_dir, "${path.module}/../../events")
  packages_dir = coalesce(var.packages_dir, "${path.module}/../../target/package/${var.architecture}")

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # ARNs follow from names, so that a plan shows policies whole.
  arn = {
    for service in ["batch", "elasticmapreduce", "events", "logs", "secretsmanager", "sns", "sqs"] :
    service => "arn:${local.partition}:${service}:${local.region}:${local.account}"
  }
  topic_arn = "${local.arn.sns}:${var.deployment}-events"
  table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.deployment}"

  # Every function that has an inbox, with the facts it subscribes to; a test holds these to
  # `Function::subscribers`.
  inboxes = merge(
    { for function, types in local.known_inboxes : function => types if function != "export-runs" },
    var.openlineage_url == null ? {} : { export-runs = local.known_inboxes.export-runs },
    # A trace is told once its run has ended.
    var.openlineage_url != null || var.otlp_endpoint == null ? {} : {
      export-runs = [for type in local.known_inboxes.export-runs : type if can(regex("^murmur\\.run\\.(succeeded|failed|cancelled)\\.", type))]
    },
    var.mirror_bus ? { mirror-facts = ["*"] } : {},
    var.history ? { archive-facts = local.history.facts } : {},
  )
  known_inboxes = jsondecode(file("${path.module}/inboxes.json"))
  # Those that make one call of what several messages ask for; the others gain nothing by waiting.
  batched = ["advance-run", "export-runs", "mirror-facts", "observe-task", "submit-task"]
  # The one that waits for services that are not AWS's: each of its messages comes alone, so that a
  # channel that hangs keeps nobody else waiting.
  alone = ["alert"]
  # A batch of history is a file of each table, day and team: the fewer the better.
  batch_sizes = merge({ archive-facts = 1000 }, { for function in local.alone : function => 1 })
  # What each does, for people.
  descriptions = {
    start-run            = "Ticks, upstreams and events become runs"
    advance-run          = "Outcomes of tasks make the next ones ready, or end the run"
    submit-task          = "Ready tasks become EMR steps and Batch jobs"
    observe-task         = "What EMR and Batch say of work becomes outcomes"
    provision-cluster    = "Ticks bring up clusters"
    record-cluster       = "What EMR says of clusters keeps the registry"
    terminate-cluster    = "Ticks drain and end clusters"
    operate              = "Carries out what people ask for"
    reconcile            = "Looks at what is overdue, every two minutes"
    alert                = "What is wrong is told where people read"
    export-runs          = "Runs are told as traces and as lineage"
    archive-facts        = "What has ended goes to a bucket, for analysis"
    mirror-facts         = "Facts also go to an EventBridge bus"
    register-definitions = "Checks and stores the definitions, called by Terraform"
  }

  environment = merge(
    {
      MURMUR_DEPLOYMENT       = var.deployment
      MURMUR_TABLE            = module.table.name
      MURMUR_TOPIC_ARN        = aws_sns_topic.events.arn
      MURMUR_QUEUE_URL_PREFIX = trimsuffix(module.inbox["start-run"].url, "start-run")
      MURMUR_LOG              = var.log_level
    },
    var.metrics_by_workflow ? {} : { MURMUR_METRICS_BY_WORKFLOW = "false" },
    var.function_environment,
  )
  own_environment = {
    provision-cluster = {
      MURMUR_EMR_SERVICE_ROLE     = local.emr.service_role
      MURMUR_EMR_INSTANCE_PROFILE = local.emr.instance_profile
      MURMUR_EMR_SUBNET           = var.emr_subnet
      MURMUR_EMR_LOG_URI          = var.emr_log_uri
    }
    alert = { MURMUR_MAIL_TOPIC_PREFIX = local.mail_topic_prefix, MURMUR_WEBHOOK_HOSTS = join(",", var.webhook_hosts) }
    export-runs = { for name, value in {
      OTEL_EXPORTER_OTLP_ENDPOINT   = var.otlp_endpoint
      MURMUR_OTLP_HEADERS_SECRET    = var.otlp_headers_secret
      OPENLINEAGE_URL               = var.openlineage_url
      MURMUR_OPENLINEAGE_KEY_SECRET = var.openlineage_key_secret
    } : name => value if value != null }
    archive-facts  = { MURMUR_HISTORY_BUCKET = local.history_bucket }
    record-cluster = var.zone == null ? {} : { MURMUR_ZONE_ID = var.zone.id, MURMUR_ZONE_NAME = var.zone.name }
    mirror-facts   = var.mirror_bus ? { MURMUR_MIRROR_BUS = aws_cloudwatch_event_bus.facts[0].name } : {}
  }
}

module "table" {
  source = "./modules/table"

  name                = var.deployment
  deletion_protection = var.deletion_protection
}

module "inbox" {
  source   = "./modules/inbox"
  for_each = local.inboxes

  name                = "${var.deployment}-${each.key}"
  arn_prefix          = "${local.arn.sqs}:"
  function_name       = module.function[each.key].name
  function_timeout_s  = var.function_timeout_s
  maximum_concurrency = var.maximum_concurrency
  max_receives        = var.max_receives
  batch_size          = lookup(local.batch_sizes, each.key, 10)
  batching_window_s   = each.key == "archive-facts" ? var.history_window_seconds : contains(local.batched, each.key) ? var.batching_window_seconds : 0
  topic_arn           = aws_sns_topic.events.arn
  fact_types          = each.value
  takes_events        = contains(local.takes_events, each.key)
  rule_arns           = "${local.arn.events}:rule/${var.deployment}-*"
  alarm_actions       = var.alarm_actions
}

module "function" {
  source   = "./modules/function"
  for_each = local.inboxes

  name               = "${var.deployment}-${each.key}"
  description        = local.descriptions[each.key]
  package            = "${local.packages_dir}/${each.key}.zip"
  architecture       = var.architecture
  memory_mb          = each.key == "archive-facts" ? max(1024, var.function_memory_mb) : var.function_memory_mb
  timeout_s          = var.function_timeout_s
  environment        = merge(local.environment, lookup(local.own_environment, each.key, {}))
  statements         = local.statements[each.key]
  log_retention_days = var.log_retention_days
  vpc                = var.function_vpc
}

# The one function without an inbox; of its own, so that the others' changes do not put off checks.
module "register_definitions" {
  source = "./modules/function"

  name               = "${var.deployment}-register-definitions"
  description        = local.descriptions.register-definitions
  package            = "${local.packages_dir}/register-definitions.zip"
  architecture       = var.architecture
  memory_mb          = 4 * var.function_memory_mb
  timeout_s          = 300
  environment        = local.environment
  statements         = local.statements.register-definitions
  log_retention_days = var.log_retention_days
  vpc                = var.function_vpc
}

module "emr_roles" {
  source = "./modules/emr-roles"
  count  = var.emr_service_role == null ? 1 : 0

  deployment       = var.deployment
  machine_policies = var.emr_machine_policies
  execution_roles  = var.execution_roles
}

locals {
  emr = {
    service_role     = try(module.emr_roles[0].service_role, var.emr_service_role)
    instance_profile = try(module.emr_roles[0].instance_profile, var.emr_instance_profile.name)
    passed_roles = concat(var.machine_roles, try(
      [var.emr_service_role, var.emr_instance_profile.role_arn],
      [for role in ["service", "machines"] : "arn:${local.partition}:iam::${local.account}:role/${var.deployment}-emr-${role}"],
    ))
  }
}

module "people" {
  source = "./modules/people"

  deployment       = var.deployment
  table_arn        = local.table_arn
  queue_arn_prefix = "${local.arn.sqs}:${var.deployment}-"
  # Optional ones also where there are none: whoever asks for them is to hear that, not that it is denied.
  inboxes        = distinct(concat(keys(local.inboxes), ["archive-facts", "export-runs", "mirror-facts"]))
  cluster_arns   = local.clusters
  log_group_arns = local.job_log_groups
  function_log_group_arns = [
    for function in keys(local.known_inboxes) : "${local.arn.logs}:log-group:/aws/lambda/${var.deployment}-${function}"
  ]
  log_object_arns = local.log_objects
}
