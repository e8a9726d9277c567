variable "name" {
  description = "Name of the stream and of the subscriptions; the roles' names begin with it."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "account" {
  description = "Id of the account."
  type        = string
}

variable "log_groups" {
  description = "Names of the log groups, by a key that does not change."
  type        = map(string)
}

variable "keep_days" {
  description = "After how many days logs are deleted; more than 90."
  type        = number
}

variable "can_be_destroyed" {
  description = "Whether the bucket goes with the deployment, with all that is in it."
  type        = bool
}
