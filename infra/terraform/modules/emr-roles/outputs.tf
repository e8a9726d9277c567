output "service_role" {
  description = "ARN of the role EMR works with."
  value       = aws_iam_role.service.arn
}

output "instance_profile" {
  description = "Name of the machines' instance profile."
  value       = aws_iam_instance_profile.machines.name
}
