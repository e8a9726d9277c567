variable "name" {
  description = "Name of the Lambda, its role and its log group."
  type        = string
}

variable "description" {
  description = "What the function does, for people."
  type        = string
}

variable "package" {
  description = "The zip with the function's bootstrap."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64, as the package was built."
  type        = string
}

variable "memory_mb" {
  description = "Memory in MB."
  type        = number
}

variable "timeout_s" {
  description = "How long one invocation may take, in seconds."
  type        = number
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "statements" {
  description = "What the function may do, besides writing its log, by a name that says why."
  type = map(object({
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))), {})
  }))
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "vpc" {
  description = "Subnets and security groups to run in; outside any VPC when null."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}
