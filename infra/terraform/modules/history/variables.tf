variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "database" {
  description = "Name of the database in Glue's catalogue."
  type        = string
}

variable "tables" {
  description = "The tables: the columns that tell rows apart, and all columns of the files."
  type = map(object({
    key     = list(string)
    columns = list(object({ name = string, type = string, comment = string }))
  }))
}

variable "teams" {
  description = "The teams there are and were."
  type        = list(string)
}

variable "since" {
  description = "The first day there may be history of, as 2026-01-01."
  type        = string
}

variable "keep_days" {
  description = "After how many days history is deleted; never when null."
  type        = number
}

variable "can_be_destroyed" {
  description = "Whether the bucket goes with the deployment, with all that is in it."
  type        = bool
}
