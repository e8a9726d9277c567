variable "deployment" {
  description = "Name of the deployment."
  type        = string
}

variable "table_arn" {
  description = "The state table."
  type        = string
}

variable "queue_arn_prefix" {
  description = "What the ARNs of the deployment's queues begin with, up to the function's name."
  type        = string
}

variable "inboxes" {
  description = "The functions that have an inbox."
  type        = list(string)
}

variable "cluster_arns" {
  description = "EMR clusters, as a pattern."
  type        = string
}

variable "log_group_arns" {
  description = "Log groups of Batch jobs."
  type        = list(string)
}

variable "function_log_group_arns" {
  description = "Log groups of the functions."
  type        = list(string)
}

variable "log_object_arns" {
  description = "Objects in S3 that clusters log to, as patterns."
  type        = list(string)
}
