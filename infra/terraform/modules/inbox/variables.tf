variable "name" {
  description = "Name of the queue; its dead letters are <name>-dead-letters."
  type        = string
}

variable "arn_prefix" {
  description = "What the ARNs of queues here begin with, up to their name."
  type        = string
}

variable "function_name" {
  description = "The Lambda that takes its messages."
  type        = string
}

variable "function_timeout_s" {
  description = "How long that Lambda may take, in seconds."
  type        = number
}

variable "maximum_concurrency" {
  description = "How many batches of it are handled at once."
  type        = number
}

variable "batch_size" {
  description = "How many messages it is given at once, at most."
  type        = number
}

variable "batching_window_s" {
  description = "How long a batch may take to fill, in seconds."
  type        = number
}

variable "max_receives" {
  description = "After how many deliveries a message goes to the dead letters."
  type        = number
}

variable "topic_arn" {
  description = "The topic of facts."
  type        = string
}

variable "fact_types" {
  description = "Types of the facts it subscribes to; none at all when empty, every one for [\"*\"]."
  type        = list(string)
}

variable "takes_events" {
  description = "Whether EventBridge rules send to it."
  type        = bool
}

variable "rule_arns" {
  description = "Which rules may, as a pattern."
  type        = string
}

variable "alarm_actions" {
  description = "What is told when messages were set aside."
  type        = list(string)
}
