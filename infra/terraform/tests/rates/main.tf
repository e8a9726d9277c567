# Asks rate-start for every row of rates.json.

locals {
  rows = jsondecode(file("${path.module}/../rates.json"))
}

module "rate_start" {
  source = "../../modules/rate-start"
  count  = length(local.rows)

  expression = local.rows[count.index].expression
  now        = local.rows[count.index].now
}

output "wrong" {
  value = [for index, row in local.rows : merge(row, { said = module.rate_start[index].start }) if module.rate_start[index].start != row.start]
}

output "count" {
  value = length(local.rows)
}
