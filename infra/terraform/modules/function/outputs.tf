output "arn" {
  description = "ARN of the Lambda."
  value       = aws_lambda_function.this.arn
}

output "name" {
  description = "Name of the Lambda."
  value       = aws_lambda_function.this.function_name
}

output "role" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "log_group_arn" {
  description = "ARN of the log group."
  value       = aws_cloudwatch_log_group.this.arn
}

output "policy" {
  description = "What the function may do, as JSON."
  value       = local.policy
}

output "code" {
  description = "Hash of the package."
  value       = aws_lambda_function.this.source_code_hash
}
