//! mirror-facts on Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    aws::lambda::mirror(mirror_facts::handle)
}
