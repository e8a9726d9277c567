variable "expression" {
  description = "rate(…) of EventBridge Scheduler."
  type        = string
}

variable "now" {
  description = "The present instant, in UTC, as RFC 3339."
  type        = string
}
