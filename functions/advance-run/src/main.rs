//! advance-run on Lambda.

use std::process::ExitCode;

use model::message::Function;

fn main() -> ExitCode {
    aws::lambda::run(Function::AdvanceRun, advance_run::handle)
}
