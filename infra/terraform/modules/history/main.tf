# What has ended, for analysis: a bucket of Parquet files by table, day and team, and tables of it in
# Glue's catalogue, for Athena and for Presto on EMR. No crawler: partitions follow from dates and teams.

locals {
  # The tables as files hold them; some rows may stand there twice, until their day is merged.
  tables = { for name, table in var.tables : name => merge(table, { files = "${name}_files" }) }
  # Hive's types as Athena's SQL has them.
  sql_types  = { string = "varchar" }
  partitions = [{ name = "date", comment = "The day it ended, in UTC" }, { name = "team", comment = "The team" }]
}

resource "aws_s3_bucket" "this" {
  bucket        = var.bucket
  force_destroy = var.can_be_destroyed
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "keep"
    status = "Enabled"
    filter {}

    dynamic "expiration" {
      for_each = var.keep_days[*]
      content {
        days = expiration.value
      }
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = var.database
  description = "Runs, tasks and clusters of murmur that have ended"
}

resource "aws_glue_catalog_table" "files" {
  for_each = local.tables

  name          = each.value.files
  database_name = aws_glue_catalog_database.this.name
  description   = "The files of ${each.key}; a row may stand in two until its day is merged"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                    = "TRUE"
    classification              = "parquet"
    "projection.enabled"        = "true"
    "projection.date.type"      = "date"
    "projection.date.format"    = "yyyy-MM-dd"
    "projection.date.range"     = "${var.since},NOW+1DAYS"
    "projection.team.type"      = "enum"
    "projection.team.values"    = join(",", var.teams)
    "storage.location.template" = "s3://${aws_s3_bucket.this.bucket}/${each.key}/date=$${date}/team=$${team}/"
  }

  dynamic "partition_keys" {
    for_each = local.partitions
    content {
      name    = partition_keys.value.name
      type    = "string"
      comment = partition_keys.value.comment
    }
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.this.bucket}/${each.key}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }
    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

# What people ask: each row once. Athena keeps a view's text so, packed.
resource "aws_glue_catalog_table" "view" {
  for_each = local.tables

  name               = each.key
  database_name      = aws_glue_catalog_database.this.name
  description        = "${each.key} that have ended, each once"
  table_type         = "VIRTUAL_VIEW"
  view_original_text = "/* Presto View: ${base64encode(jsonencode(local.views[each.key]))} */"
  view_expanded_text = "/* Presto View */"

  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }

  storage_descriptor {
    # A view has none; but an empty one would be planned anew each time.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }
    dynamic "columns" {
      for_each = local.columns[each.key]
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  depends_on = [aws_glue_catalog_table.files]
}

locals {
  columns = {
    for name, table in local.tables : name => concat(
      [for column in table.columns : { name = column.name, type = column.type }],
      [for partition in local.partitions : { name = partition.name, type = "string" }],
    )
  }
  views = {
    for name, table in local.tables : name => {
      catalog = "awsdatacatalog"
      schema  = var.database
      columns = [for column in local.columns[name] : { name = column.name, type = lookup(local.sql_types, column.type, column.type) }]
      originalSql = join(" ", [
        "SELECT ${join(", ", local.columns[name][*].name)} FROM (",
        "SELECT *, row_number() OVER (PARTITION BY date, team, ${join(", ", table.key)} ORDER BY ended_at DESC) AS copy",
        "FROM ${table.files}) WHERE copy = 1",
      ])
    }
  }
}
