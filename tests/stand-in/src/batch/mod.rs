//! AWS Batch: jobs. Source of shapes, limits and words: its API reference.

mod jobs;
mod shape;
mod submit;

use serde_json::Value;

use crate::answer::Refusal;
use crate::world::World;

pub use shape::{detail, status};

/// Answers a call.
pub fn answer(world: &mut World, operation: &str, body: &Value) -> Result<Value, Refusal> {
    match operation {
        "SubmitJob" => submit::submit(world, body),
        "ListJobs" => jobs::list(world, body),
        "DescribeJobs" => jobs::describe(world, body),
        "CancelJob" => jobs::cancel(world, body),
        "TerminateJob" => jobs::terminate(world, body),
        other => Err(Refusal::of(
            404,
            "UnknownOperationException",
            format!("the stand-in for Batch does not know {other}"),
        )),
    }
}
