variable "name" {
  description = "Name of the rule; shortened with a hash above 64 characters."
  type        = string
}

variable "description" {
  description = "What it is for, for people."
  type        = string
}

variable "bus" {
  description = "The event bus."
  type        = string
  default     = "default"
}

variable "pattern" {
  description = "The pattern, as JSON."
  type        = string
}

variable "message" {
  description = "What is put into the inbox, with <aws.events.event.json> for the event; the event itself when null."
  type        = string
  default     = null
}

variable "inbox_arn" {
  description = "The inbox it puts that into."
  type        = string
}

variable "dead_letters_arn" {
  description = "Where that goes when the inbox does not take it."
  type        = string
}
