variable "events_dir" {
  description = "Folder of the definitions."
  type        = string
}
