mock_provider "aws" {}

variables {
  name             = "daily"
  group            = "murmur-weather"
  expression       = "cron(15 0 * * ? *)"
  timezone         = "America/New_York"
  message          = "{}"
  inbox_arn        = "arn:aws:sqs:us-east-1:123456789012:murmur-start-run"
  dead_letters_arn = "arn:aws:sqs:us-east-1:123456789012:murmur-start-run-dead-letters"
  role_arn         = "arn:aws:iam::123456789012:role/murmur-scheduler"
}

run "a_cron_is_handed_on_as_it_is" {
  command = plan

  module {
    source = "./modules/schedule"
  }

  assert {
    condition     = aws_scheduler_schedule.this.name == "daily" && aws_scheduler_schedule.this.start_date == null
    error_message = aws_scheduler_schedule.this.name
  }

  assert {
    condition     = aws_scheduler_schedule.this.schedule_expression_timezone == "America/New_York"
    error_message = aws_scheduler_schedule.this.schedule_expression_timezone
  }
}

run "a_name_that_is_too_long_is_shortened" {
  command = plan

  module {
    source = "./modules/schedule"
  }

  variables {
    name = "a-cluster-whose-name-is-as-long-as-names-may-be-which-is-64-char--terminate"
  }

  assert {
    condition     = length(aws_scheduler_schedule.this.name) == 64 && startswith(aws_scheduler_schedule.this.name, "a-cluster-whose-name-is-as-long-as-names-may-be-which-i")
    error_message = aws_scheduler_schedule.this.name
  }
}

run "a_rate_begins_at_an_instant_of_its_own" {
  module {
    source = "./modules/schedule"
  }

  variables {
    expression = "rate(1 hour)"
  }

  assert {
    condition     = can(regex("^daily--[0-9a-f]{8}$", aws_scheduler_schedule.this.name))
    error_message = aws_scheduler_schedule.this.name
  }

  assert {
    condition = (
      endswith(aws_scheduler_schedule.this.start_date, ":00:00Z")
      && timecmp(aws_scheduler_schedule.this.start_date, timeadd(timestamp(), "-5m")) > 0
      && timecmp(aws_scheduler_schedule.this.start_date, timeadd(timestamp(), "1h")) <= 0
    )
    error_message = "${aws_scheduler_schedule.this.start_date} at ${timestamp()}"
  }
}

run "a_rate_that_changes_is_another_schedule" {
  module {
    source = "./modules/schedule"
  }

  variables {
    expression = "rate(2 hours)"
  }

  assert {
    condition     = aws_scheduler_schedule.this.name != run.a_rate_begins_at_an_instant_of_its_own.name
    error_message = aws_scheduler_schedule.this.name
  }
}
