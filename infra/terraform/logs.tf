# Logs that outlive CloudWatch's retention.

module "log_archive" {
  source = "./modules/log-archive"
  count  = var.log_archive ? 1 : 0

  name             = "${var.deployment}-logs"
  bucket           = "${var.deployment}-logs-${local.account}-${local.region}"
  account          = local.account
  keep_days        = var.log_archive_days
  can_be_destroyed = !var.deletion_protection
  log_groups       = { for function, made in module.function : function => "/aws/lambda/${made.name}" }
}
