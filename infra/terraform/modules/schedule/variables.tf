variable "name" {
  description = "Name within the group; shortened with a hash above 64 characters."
  type        = string
}

variable "group" {
  description = "The schedule group."
  type        = string
}

variable "expression" {
  description = "cron(…), rate(…) or at(…) of EventBridge Scheduler."
  type        = string
}

variable "timezone" {
  description = "IANA time zone of the expression."
  type        = string
}

variable "message" {
  description = "What it puts into the inbox, as JSON."
  type        = string
}

variable "inbox_arn" {
  description = "The inbox it puts that into."
  type        = string
}

variable "dead_letters_arn" {
  description = "Where that goes when the inbox does not take it."
  type        = string
}

variable "role_arn" {
  description = "The role it does so with."
  type        = string
}
