//! register-definitions on Lambda: called directly by whoever deploys.

use std::process::ExitCode;

use aws::lambda::{CallError, call};
use register_definitions::{RequestError, answer};

fn main() -> ExitCode {
    call("register-definitions", async |ports, request| {
        answer(ports, request).await.map_err(refused)
    })
}

fn refused(error: RequestError) -> CallError {
    CallError {
        kind: error.kind(),
        message: error.to_string(),
    }
}
