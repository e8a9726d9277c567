//! archive-facts on Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    aws::lambda::archive(archive_facts::handle)
}
