# When a rate begins, so that it fires at the instants murmur expects: murmur counts every rate from
# 1970-01-01T00:00:00Z (RATE_ANCHOR in shared/choreography), EventBridge Scheduler from the start
# date, which must not be older than five minutes. So it begins at the next of those instants.
#
# Has no resources: Terraform has no Unix time, so it is counted here.

locals {
  # What is no rate is for `murmur check` to refuse.
  rate     = try(regex("^rate\\((\\d+) (minute|hour|day)s?\\)$", var.expression), ["1", "minute"])
  period_s = max(1, tonumber(local.rate[0])) * { minute = 60, hour = 3600, day = 86400 }[local.rate[1]]

  # Year, month, day, hour, minute, second. Years are counted from March, so that a leap day comes
  # last and the lengths of the months before follow one formula.
  now   = [for part in regexall("\\d+", var.now) : parseint(part, 10)]
  month = (local.now[1] + 9) % 12
  year  = local.now[0] - (local.month >= 10 ? 1 : 0)
  days = (
    365 * local.year + floor(local.year / 4) - floor(local.year / 100) + floor(local.year / 400)
    + floor((153 * local.month + 2) / 5) + local.now[2] - 1
    -719468 # 1970-01-01
  )
  now_s = ((local.days * 24 + local.now[3]) * 60 + local.now[4]) * 60 + local.now[5]
}
