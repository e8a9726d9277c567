//! alert on Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    aws::lambda::alert(alert::handle)
}
