//! export-runs on Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    aws::lambda::exports(export_runs::handle)
}
