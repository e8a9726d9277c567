//! The events by which the services tell of changes, in their own shapes.

use model::observation::{ClusterState, WorkState};
use serde_json::{Value, json};

use crate::asked::Service;
use crate::faults::EventEnd;
use crate::world::{Cluster, Step, World};
use crate::{batch, emr};

/// An event on its way to the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub service: Service,
    pub detail_type: &'static str,
    /// When it happened.
    pub at_ms: i64,
    /// By how much it is kept back.
    pub delay_ms: u64,
    pub resources: Vec<String>,
    pub detail: Value,
}

/// Tells of a cluster's state.
pub fn cluster(world: &mut World, id: &str) {
    let Some(cluster) = world.clusters.get(id) else {
        return;
    };
    let state = emr::cluster_state(cluster.state);
    let event = Event {
        service: Service::Emr,
        detail_type: "EMR Cluster State Change",
        at_ms: world.now_ms(),
        delay_ms: 0,
        resources: Vec::new(),
        detail: cluster_detail(cluster, state),
    };
    tell(world, event, state);
}

fn cluster_detail(cluster: &Cluster, state: &str) -> Value {
    let reason = match &cluster.reason {
        Some(why) => json!({ "code": why.code, "message": why.message }),
        None => json!({ "code": "" }),
    };
    let severity = match cluster.state {
        ClusterState::TerminatedWithErrors => "CRITICAL",
        ClusterState::Starting
        | ClusterState::Bootstrapping
        | ClusterState::Running
        | ClusterState::Waiting
        | ClusterState::Terminating
        | ClusterState::Terminated => "INFO",
    };
    let (id, name) = (&cluster.id, cluster.name());
    json!({
        "severity": severity,
        "stateChangeReason": reason.to_string(),
        "name": name,
        "clusterId": id,
        "state": state,
        "message": format!("Amazon EMR cluster {id} ({name}) is {state}."),
    })
}

/// Tells of a step's state.
pub fn step(world: &mut World, index: usize) {
    let step = &world.steps[index];
    let state = emr::state_of_step(step);
    let event = Event {
        service: Service::Emr,
        detail_type: "EMR Step Status Change",
        at_ms: world.now_ms(),
        delay_ms: 0,
        resources: Vec::new(),
        detail: step_detail(step, state),
    };
    tell(world, event, state);
}

fn step_detail(step: &Step, state: &str) -> Value {
    let severity = match step.state {
        WorkState::Pending | WorkState::Running | WorkState::Succeeded => "INFO",
        WorkState::Cancelled => "WARN",
        WorkState::Failed | WorkState::Interrupted => "ERROR",
    };
    let (id, name, cluster) = (&step.id, step.name(), &step.cluster);
    json!({
        "severity": severity,
        "actionOnFailure": step.action_on_failure(),
        "stepId": id,
        "name": name,
        "clusterId": cluster,
        "state": state,
        "message": format!("Step {id} ({name}) in Amazon EMR cluster {cluster} is {state}."),
    })
}

/// Tells that a job came to a state, which may be one it only passes through.
pub fn job(world: &mut World, index: usize, status: &str) {
    let job = &world.jobs[index];
    let detail = batch::detail(world, job);
    let children = job.array_size().unwrap_or(0);
    // Children begin and succeed with their parent; of several failures nobody knows which.
    let tells_of_children = matches!(status, "RUNNING" | "SUCCEEDED");
    let children = 0..if tells_of_children { children } else { 0 };
    let children: Vec<Value> = children.map(|index| child(&detail, index)).collect();
    for mut detail in children.into_iter().chain([detail]) {
        detail["status"] = status.into();
        let arn = detail["jobArn"].as_str().unwrap_or_default().to_owned();
        let event = Event {
            service: Service::Batch,
            detail_type: "Batch Job State Change",
            at_ms: world.now_ms(),
            delay_ms: 0,
            resources: vec![arn],
            detail,
        };
        tell(world, event, status);
    }
}

fn child(parent: &Value, index: u64) -> Value {
    let mut child = parent.clone();
    for name in ["jobId", "jobArn"] {
        let of_parent = parent[name].as_str().unwrap_or_default();
        child[name] = format!("{of_parent}:{index}").into();
    }
    child["arrayProperties"] = json!({ "index": index });
    child
}

/// Hands an event to the courier as often, and as late, as the faults have it.
fn tell(world: &mut World, mut event: Event, state: &str) {
    let detail = event.detail.to_string();
    match world.faults.of_event(event.service, state, &detail) {
        Some(EventEnd::Dropped) => return,
        Some(EventEnd::Doubled) => world.events.push(event.clone()),
        Some(EventEnd::Late(by_ms)) => event.delay_ms = by_ms,
        None => {}
    }
    world.events.push(event);
}
