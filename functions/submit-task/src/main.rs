//! submit-task on Lambda.

use std::process::ExitCode;

use model::message::Function;

fn main() -> ExitCode {
    aws::lambda::run(Function::SubmitTask, submit_task::handle)
}
