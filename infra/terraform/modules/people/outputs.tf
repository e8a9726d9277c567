output "read_arn" {
  description = "ARN of the policy of those who look."
  value       = aws_iam_policy.read.arn
}

output "operate_arn" {
  description = "ARN of the policy that those who operate have besides."
  value       = aws_iam_policy.operate.arn
}
