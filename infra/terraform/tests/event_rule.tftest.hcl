mock_provider "aws" {}

variables {
  name             = "prod-weather--on_object--0"
  description      = "Starts weather/on_object"
  pattern          = "{\"source\":[\"shop.orders\"]}"
  inbox_arn        = "arn:aws:sqs:eu-west-1:123456789012:prod-start-run"
  dead_letters_arn = "arn:aws:sqs:eu-west-1:123456789012:prod-start-run-dead-letters"
}

run "an_event_goes_as_it_is_unless_there_is_a_message" {
  command = plan

  module {
    source = "./modules/event-rule"
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.this.input_transformer) == 0
    error_message = "The event is changed."
  }
}

run "a_message_takes_the_event_in" {
  command = plan

  module {
    source = "./modules/event-rule"
  }

  variables {
    message = "{\"event\":<aws.events.event.json>}"
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.input_transformer[0].input_template == "{\"event\":<aws.events.event.json>}"
    error_message = "The message is not what was given."
  }
}

run "a_name_that_is_too_long_is_shortened" {
  command = plan

  module {
    source = "./modules/event-rule"
  }

  variables {
    name = "prod-a-team-with-a-long-name--a-workflow-with-a-name-that-is-longer-still--0"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.this.name) == 64 && aws_cloudwatch_event_target.this.rule == aws_cloudwatch_event_rule.this.name
    error_message = aws_cloudwatch_event_rule.this.name
  }
}

run "a_pattern_that_eventbridge_would_not_take_fails_the_plan" {
  command = plan

  module {
    source = "./modules/event-rule"
  }

  variables {
    pattern = jsonencode({ source = [for number in range(500) : "source-${number}"] })
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}
