variables {
  events_dir = "tests/events"
}

run "schedules_are_read_and_what_is_none_is_left_to_check" {
  command = plan

  module {
    source = "./modules/definitions"
  }

  assert {
    condition = output.schedules == {
      "workflow/weather/daily" = { expression = "cron(15 0 * * ? *)", timezone = "America/New_York", team = "weather", name = "daily" }
      "workflow/weather/often" = { expression = "rate(90 minutes)", timezone = "UTC", team = "weather", name = "often" }
      "provision/weather/etl"  = { expression = "cron(0 0 * * ? *)", timezone = "America/New_York", team = "weather", name = "etl" }
      "terminate/weather/etl"  = { expression = "cron(0 3 * * ? *)", timezone = "America/New_York", team = "weather", name = "etl" }
    }
    error_message = jsonencode(output.schedules)
  }

  assert {
    condition     = output.teams == toset(["weather"])
    error_message = jsonencode(output.teams)
  }
}

run "patterns_are_read" {
  command = plan

  module {
    source = "./modules/definitions"
  }

  assert {
    condition     = keys(output.patterns) == ["weather/on_object/0", "weather/on_object/1"]
    error_message = jsonencode(output.patterns)
  }

  assert {
    condition = jsondecode(output.patterns["weather/on_object/0"].pattern) == {
      source = ["aws.s3"]
      detail = { object = { size = [{ numeric = [">", 0] }] } }
    }
    error_message = output.patterns["weather/on_object/0"].pattern
  }
}

run "every_file_goes_to_registration_but_hidden_ones_and_schemas" {
  command = plan

  module {
    source = "./modules/definitions"
  }

  assert {
    condition = keys(output.files) == [
      "weather/clusters/etl.yaml",
      "weather/team.yaml",
      "weather/workflows/broken.yaml",
      "weather/workflows/daily.yaml",
      "weather/workflows/latin1.yaml",
      "weather/workflows/list.yaml",
      "weather/workflows/often.yaml",
      "weather/workflows/on_object.yaml",
      "weather/workflows/other.yml",
      "weather/workflows/wrong_kinds.yaml",
    ]
    error_message = jsonencode(keys(output.files))
  }

  assert {
    condition     = output.files["weather/workflows/latin1.yaml"] == "(this file is not UTF-8)"
    error_message = output.files["weather/workflows/latin1.yaml"]
  }
}

run "addresses_of_routes_are_read_once" {
  command = plan

  module {
    source = "./modules/definitions"
  }

  assert {
    condition     = output.addresses == toset(["duty@example.com"])
    error_message = jsonencode(output.addresses)
  }
}
