output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.inbox.arn
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.inbox.id
}

output "dead_letters_arn" {
  description = "ARN of its dead letters."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letters_url" {
  description = "URL of its dead letters."
  value       = aws_sqs_queue.dead_letters.id
}
