variable "name" {
  description = "Name of the table."
  type        = string
}

variable "deletion_protection" {
  description = "Whether it cannot be deleted before that is switched off."
  type        = bool
}
