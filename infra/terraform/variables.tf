variable "deployment" {
  description = "Name of the deployment. Every name begins with it, so several fit into one account."
  type        = string
  default     = "murmur"

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9])*$", var.deployment)) && length(var.deployment) <= 12
    error_message = "Use lower-case letters, digits and single hyphens, beginning with a letter; at most 12 characters."
  }
}

variable "events_dir" {
  description = "Folder of the definitions; the one of this repository when null."
  type        = string
  default     = null
}

variable "packages_dir" {
  description = "Folder of the functions' zips; where `cargo xtask package` puts them when null."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor of the functions: arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "function_environment" {
  description = "Further environment variables of every function."
  type        = map(string)
  default     = {}
}

variable "function_memory_mb" {
  description = "Memory of each function in MB; register-definitions has four times as much."
  type        = number
  default     = 128
}

variable "function_timeout_s" {
  description = "How long one invocation may take, in seconds. What died in the middle comes again after six times as long."
  type        = number
  default     = 60

  validation {
    condition     = var.function_timeout_s >= 30 && var.function_timeout_s <= 900
    error_message = "A submission alone is given 25 seconds; Lambda allows at most 900."
  }
}

variable "maximum_concurrency" {
  description = "How many batches each function handles at once; it bounds how fast EMR, Batch and the table are asked."
  type        = number
  default     = 20

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "SQS allows 2 to 1000."
  }
}

variable "batching_window_seconds" {
  description = "How long Lambda may wait for a batch to fill, where a batch shares calls: for task facts, what EMR and Batch say of work, and the mirror. Single messages cost up to two and a half times as much as full batches; each of a task's three hops may take this much longer. 0 hands each message on at once."
  type        = number
  default     = 1

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 60 && floor(var.batching_window_seconds) == var.batching_window_seconds
    error_message = "Give whole seconds, 0 to 60: work would wait longer than it is worth."
  }
}

variable "max_receives" {
  description = "After how many deliveries a message that keeps failing is set aside. With the pauses between them, the default is most of a day."
  type        = number
  default     = 100

  validation {
    condition     = var.max_receives >= 40 && var.max_receives <= 1000
    error_message = "With fewer than 40, an outage of six hours would set work aside; SQS allows at most 1000."
  }
}

variable "function_vpc" {
  description = "Subnets and security groups the functions run in. None is needed for their work; in a VPC they need ways to the AWS services."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "log_level" {
  description = "What the functions log, as a filter of Rust's tracing, such as info or info,submit_task=debug."
  type        = string
  default     = "info"
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "deletion_protection" {
  description = "Whether the table cannot be deleted before this is switched off."
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "What is told when a message was set aside or something else happened that never must, such as ARNs of SNS topics."
  type        = list(string)
  default     = []
}

variable "dashboards" {
  description = "Whether there is a dashboard for each team, and one of the platform. AWS bills each by the month, but for the first three of an account."
  type        = bool
  default     = true
}

variable "metrics_by_workflow" {
  description = "Whether what is measured of runs is kept by workflow, too, and not by team alone. AWS bills each metric of each workflow for the hours in which it runs."
  type        = bool
  default     = true
}

variable "saved_queries" {
  description = "Whether Logs Insights offers the queries that people ask of the functions' logs."
  type        = bool
  default     = true
}

variable "log_archive" {
  description = "Whether what the functions decide is also written to a bucket, <deployment>-logs-<account>-<region>, where it outlives log_retention_days."
  type        = bool
  default     = true
}

variable "log_archive_days" {
  description = "How long the bucket keeps logs; after 90 days where they are cheap to keep and dear to read."
  type        = number
  default     = 400

  validation {
    condition     = var.log_archive_days > 90
    error_message = "Give more than 90 days: then they have been moved to where they are cheap."
  }
}

variable "emr_service_role" {
  description = "ARN of the role EMR works with; made here when null. Give either both EMR roles or none."
  type        = string
  default     = null
}

variable "emr_instance_profile" {
  description = "Instance profile of the clusters' machines, with the ARN of its role; made here when null."
  type = object({
    name     = string
    role_arn = string
  })
  default = null

  validation {
    condition     = (var.emr_instance_profile == null) == (var.emr_service_role == null)
    error_message = "Give both emr_service_role and emr_instance_profile, or none."
  }
}

variable "emr_machine_policies" {
  description = "ARNs of the policies of the machines' role that is made here, such as to read scripts and write logs in S3."
  type        = list(string)
  default     = []
}

variable "machine_roles" {
  description = "ARNs of the roles in further instance profiles, which definitions of clusters name."
  type        = list(string)
  default     = []
}

variable "secret_keys" {
  description = "ARNs of the KMS keys of secrets that definitions of clusters and alert routes refer to, where those are not Secrets Manager's own."
  type        = list(string)
  default     = []
}

variable "webhook_hosts" {
  description = "Hosts that alert routes of the channel webhook may post to, such as hooks.example.com; none when empty."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for host in var.webhook_hosts : can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", host))])
    error_message = "Give names of hosts in lower case, without https:// and without a port."
  }
}

variable "execution_roles" {
  description = "ARNs of the roles that steps may run as: the execution_role of every team. `*` stands for any characters."
  type        = list(string)
  default     = []
}

variable "emr_subnet" {
  description = "Subnet of clusters that name none themselves. With the roles made here, it and its VPC need the tag for-use-with-amazon-emr-managed-policies = true."
  type        = string
  default     = ""
}

variable "emr_log_uri" {
  description = "Where clusters log that name no place themselves, such as s3://logs/emr/."
  type        = string
  default     = ""
}

variable "log_uris" {
  description = "Further places in S3 that definitions of clusters name as log_uri; who may look at the deployment may read them, and so may alert."
  type        = list(string)
  default     = []
}

variable "batch_job_queues" {
  description = "ARNs of the job queues that tasks may use; every one of the account and region when null."
  type        = list(string)
  default     = null
}

variable "batch_job_definitions" {
  description = "ARNs of the job definitions that tasks may use; every one of the account and region when null. End them with :* for every revision."
  type        = list(string)
  default     = null
}

variable "emr_event_source" {
  description = "Source of EMR's events."
  type        = string
  default     = "aws.emr"
}

variable "batch_event_source" {
  description = "Source of Batch's events."
  type        = string
  default     = "aws.batch"
}

variable "zone" {
  description = "Route 53 zone in which each cluster gets a name that stays the same; none when null."
  type = object({
    id   = string
    name = string
  })
  default = null
}

variable "mirror_bus" {
  description = "Whether every fact also goes to an EventBridge bus, named <deployment>-facts, for rules of other teams."
  type        = bool
  default     = false
}

variable "otlp_endpoint" {
  description = "Where each run is sent as a trace once it has ended: base URL of a service that takes OTLP over HTTP, such as https://otlp.example.com; nowhere when null."
  type        = string
  default     = null

  validation {
    condition     = var.otlp_endpoint == null || can(regex("^https://[^/@?]+[^@?]*$", var.otlp_endpoint))
    error_message = "Give an address that begins with https://, without a user and without a query."
  }
}

variable "otlp_headers_secret" {
  description = "ARN of the secret that holds what the service wants to see: name=value, with commas between several, as OTEL_EXPORTER_OTLP_HEADERS has them."
  type        = string
  default     = null

  validation {
    condition     = var.otlp_headers_secret == null || var.otlp_endpoint != null && can(regex("^arn:[^:]+:secretsmanager:", var.otlp_headers_secret))
    error_message = "Give the ARN of a secret of Secrets Manager, together with otlp_endpoint."
  }
}

variable "openlineage_url" {
  description = "Where runs and tasks are told as OpenLineage: base URL of a service such as Marquez; nowhere when null."
  type        = string
  default     = null

  validation {
    condition     = var.openlineage_url == null || can(regex("^https://[^/@?]+[^@?]*$", var.openlineage_url))
    error_message = "Give an address that begins with https://, without a user and without a query."
  }
}

variable "openlineage_key_secret" {
  description = "ARN of the secret that holds that service's API key."
  type        = string
  default     = null

  validation {
    condition     = var.openlineage_key_secret == null || var.openlineage_url != null && can(regex("^arn:[^:]+:secretsmanager:", var.openlineage_key_secret))
    error_message = "Give the ARN of a secret of Secrets Manager, together with openlineage_url."
  }
}

variable "history" {
  description = "Whether what has ended is also kept for analysis: as Parquet in a bucket, <deployment>-history-<account>-<region>, with tables for Athena in Glue's database <deployment>_history."
  type        = bool
  default     = false
}

variable "history_window_seconds" {
  description = "How long what has ended may wait until a file of it is full. The shorter, the more small files there are until a day is over."
  type        = number
  default     = 120

  validation {
    condition     = var.history_window_seconds >= 1 && var.history_window_seconds <= 300 && floor(var.history_window_seconds) == var.history_window_seconds
    error_message = "Give whole seconds, 1 to 300, as Lambda takes them."
  }
}

variable "history_since" {
  description = "The first day of which there may be history, as 2026-01-01."
  type        = string
  default     = "2026-01-01"

  validation {
    condition     = can(regex("^\\d{4}-\\d{2}-\\d{2}$", var.history_since))
    error_message = "Give a date, as 2026-01-01."
  }
}

variable "history_days" {
  description = "After how many days history is deleted; never when null."
  type        = number
  default     = null
}

variable "history_former_teams" {
  description = "Teams that have no definitions any more, but history."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}

variable "subscriber_accounts" {
  description = "Ids of other accounts that may subscribe to the topic of facts."
  type        = list(string)
  default     = []
}
