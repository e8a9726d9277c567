//! start-run on Lambda.

use std::process::ExitCode;

use model::message::Function;

fn main() -> ExitCode {
    aws::lambda::run(Function::StartRun, start_run::handle)
}
