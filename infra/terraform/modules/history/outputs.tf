output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "database" {
  description = "Name of the database in Glue's catalogue."
  value       = aws_glue_catalog_database.this.name
}
