# The state table. Its keys and indexes are those of shared/aws/src/store; the contract tests of
# that crate make the same table.

resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "partition"
  range_key                   = "sort"
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = ["partition", "sort", "due_shard", "due", "listing", "listing_date"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # What is due, and when, and what failed: sparse, so it holds few items, and of each only its keys
  # and what people look for (docs/queries.md).
  global_secondary_index {
    name               = "due"
    hash_key           = "due_shard"
    range_key          = "due"
    projection_type    = "INCLUDE"
    non_key_attributes = ["kind", "reason", "state"]
  }

  # Runs of a workflow by logical date, whole, so that a list is one query.
  global_secondary_index {
    name            = "runs"
    hash_key        = "listing"
    range_key       = "listing_date"
    projection_type = "ALL"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
