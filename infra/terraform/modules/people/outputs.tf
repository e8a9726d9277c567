output "read" {
  description = "The policy of those who look: its ARN and its JSON."
  value       = { arn = aws_iam_policy.read.arn, json = aws_iam_policy.read.policy }
}

output "operate" {
  description = "The policy of those who operate, besides the other one: its ARN and its JSON."
  value       = { arn = aws_iam_policy.operate.arn, json = aws_iam_policy.operate.policy }
}
