//! EMR: clusters and steps. Source of shapes, limits and words: its API reference, and what its
//! users quote of its answers.

mod clusters;
mod run_job_flow;
mod shape;
mod steps;

use serde_json::Value;

use crate::answer::Refusal;
use crate::world::World;

pub use shape::{cluster_state, state_of_step};

/// Entries of a page of any list.
const PAGE: usize = 50;

/// Answers a call.
pub fn answer(world: &mut World, operation: &str, body: &Value) -> Result<Value, Refusal> {
    match operation {
        "RunJobFlow" => run_job_flow::run(world, body),
        "ListClusters" => clusters::list(world, body),
        "DescribeCluster" => clusters::describe(world, body),
        "ListInstances" => clusters::list_instances(world, body),
        "SetTerminationProtection" => clusters::protect(world, body),
        "TerminateJobFlows" => clusters::terminate(world, body),
        "AddJobFlowSteps" => steps::add(world, body),
        "ListSteps" => steps::list(world, body),
        "DescribeStep" => steps::describe(world, body),
        "CancelSteps" => steps::cancel(world, body),
        other => Err(Refusal::of(
            400,
            "UnknownOperationException",
            format!("the stand-in for EMR does not know {other}"),
        )),
    }
}

/// Cancels the steps of a cluster that have not begun, as CANCEL_AND_WAIT has it.
pub fn cancel_pending(world: &mut World, cluster: &str) {
    steps::cancel_pending(world, cluster);
}

/// Ends a cluster because a step failed, as TERMINATE_CLUSTER has it.
pub fn terminate_after_failure(world: &mut World, cluster: &str) {
    clusters::end(world, &[cluster]);
}
