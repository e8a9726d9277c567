# A Rust test holds the rows of rates.json to the schedules of shared/choreography.

run "a_rate_begins_at_its_next_instant_counted_from_1970" {
  command = plan

  module {
    source = "./tests/rates"
  }

  assert {
    condition     = output.count > 40 && length(output.wrong) == 0
    error_message = "Not as in rates.json: ${jsonencode(output.wrong)}"
  }
}
