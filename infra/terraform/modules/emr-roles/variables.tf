variable "deployment" {
  description = "Name of the deployment, which the names of the roles begin with."
  type        = string
}

variable "machine_policies" {
  description = "ARNs of the policies the machines have, such as to read scripts and write logs in S3."
  type        = list(string)
}

variable "execution_roles" {
  description = "ARNs of the roles steps may run as."
  type        = list(string)
}
