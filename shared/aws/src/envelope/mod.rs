//! What lies in an inbox, as messages: murmur's own, facts from the topic, and the events of EMR
//! and Batch.
//!
//! Pure. Fields that are not known are ignored; work and clusters that do not bear one of the
//! deployment's names are not ours. EMR's `message` is for people and never taken apart.

use model::Timestamp;
use model::fact::Fact;
use model::id::{EmrClusterId, SubmissionId};
use model::message::Message;
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use serde::Deserialize;
use serde_json::Value;

use crate::Deployment;

/// The body of a message cannot be understood, and never will be.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it is no JSON")]
    NoJson(#[source] serde_json::Error),
    #[error("it is not one of murmur's messages")]
    NoMessage(#[source] serde_json::Error),
    #[error("it is no fact")]
    NoFact(#[source] serde_json::Error),
    #[error("the event `{detail_type}` is not as AWS documents it")]
    NoEvent {
        detail_type: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the event `{detail_type}` tells the unknown state `{state}`")]
    UnknownState { detail_type: String, state: String },
    #[error("nobody expects the event `{0}`")]
    Unexpected(String),
}

/// Reads the body of a message; `None` when it is an event that is none of this deployment's
/// business.
pub fn read(body: &str, deployment: &Deployment) -> Result<Option<Message>, EnvelopeError> {
    let value: Value = serde_json::from_str(body).map_err(EnvelopeError::NoJson)?;
    if value.get("specversion").is_some() {
        let fact: Fact = serde_json::from_value(value).map_err(EnvelopeError::NoFact)?;
        return Ok(Some(Message::Fact(fact)));
    }
    let detail_type = value
        .get("detail-type")
        .and_then(Value::as_str)
        .map(str::to_owned);
    match detail_type {
        Some(detail_type) => event(&detail_type, value, deployment),
        None => serde_json::from_value(value)
            .map(Some)
            .map_err(EnvelopeError::NoMessage),
    }
}

fn event(
    detail_type: &str,
    value: Value,
    deployment: &Deployment,
) -> Result<Option<Message>, EnvelopeError> {
    match detail_type {
        "EMR Step Status Change" => step(detail_type, value, deployment),
        "EMR Cluster State Change" => cluster(detail_type, value, deployment),
        "Batch Job State Change" => job(detail_type, value, deployment),
        // A rule on the source alone lets these through.
        other if other.starts_with("EMR ") || other.starts_with("Batch ") => Ok(None),
        other => Err(EnvelopeError::Unexpected(other.to_owned())),
    }
}

#[derive(Deserialize)]
struct Envelope<D> {
    time: Timestamp,
    detail: D,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepDetail {
    step_id: String,
    name: String,
    cluster_id: String,
    state: String,
    /// Documented for clusters only; taken where it comes.
    state_change_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterDetail {
    name: String,
    cluster_id: String,
    state: String,
    state_change_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobDetail {
    job_name: String,
    job_id: String,
    job_queue: String,
    status: String,
    status_reason: Option<String>,
    container: Option<ContainerDetail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerDetail {
    exit_code: Option<i64>,
    reason: Option<String>,
}

fn step(
    detail_type: &str,
    value: Value,
    deployment: &Deployment,
) -> Result<Option<Message>, EnvelopeError> {
    let Envelope { time, detail } = open::<StepDetail>(detail_type, value)?;
    let Some(key) = deployment.key(&detail.name) else {
        return Ok(None);
    };
    let state = step_state(&detail.state).ok_or_else(|| unknown(detail_type, &detail.state))?;
    Ok(Some(Message::Work(WorkObservation {
        key,
        place: Place::Instance(EmrClusterId::from(detail.cluster_id)),
        submission: SubmissionId::from(detail.step_id),
        state,
        reason: detail
            .state_change_reason
            .as_deref()
            .and_then(change_reason),
        at: time,
    })))
}

fn cluster(
    detail_type: &str,
    value: Value,
    deployment: &Deployment,
) -> Result<Option<Message>, EnvelopeError> {
    let Envelope { time, detail } = open::<ClusterDetail>(detail_type, value)?;
    let Some(instance) = deployment.key(&detail.name) else {
        return Ok(None);
    };
    let state = cluster_state(&detail.state).ok_or_else(|| unknown(detail_type, &detail.state))?;
    Ok(Some(Message::Cluster(ClusterObservation {
        instance,
        id: EmrClusterId::from(detail.cluster_id),
        state,
        endpoint: None,
        reason: detail
            .state_change_reason
            .as_deref()
            .and_then(change_reason),
        at: time,
    })))
}

fn job(
    detail_type: &str,
    value: Value,
    deployment: &Deployment,
) -> Result<Option<Message>, EnvelopeError> {
    let Envelope { time, detail } = open::<JobDetail>(detail_type, value)?;
    let Some(key) = deployment.key(&detail.job_name) else {
        return Ok(None);
    };
    // A child of an array ends nothing (rule 10); its parent does.
    if detail.job_id.contains(':') {
        return Ok(None);
    }
    let state = job_state(&detail.status).ok_or_else(|| unknown(detail_type, &detail.status))?;
    let (exit_code, container) = match detail.container {
        Some(container) => (container.exit_code, container.reason),
        None => (None, None),
    };
    Ok(Some(Message::Work(WorkObservation {
        key,
        place: Place::Queue(queue_name(&detail.job_queue).to_owned()),
        submission: SubmissionId::from(detail.job_id),
        state,
        reason: job_reason(detail.status_reason, container, exit_code),
        at: time,
    })))
}

fn open<D: for<'a> Deserialize<'a>>(
    detail_type: &str,
    value: Value,
) -> Result<Envelope<D>, EnvelopeError> {
    serde_json::from_value(value).map_err(|source| EnvelopeError::NoEvent {
        detail_type: detail_type.to_owned(),
        source,
    })
}

fn unknown(detail_type: &str, state: &str) -> EnvelopeError {
    EnvelopeError::UnknownState {
        detail_type: detail_type.to_owned(),
        state: state.to_owned(),
    }
}

/// Reads a step's state.
pub fn step_state(text: &str) -> Option<WorkState> {
    Some(match text {
        "PENDING" => WorkState::Pending,
        // Asked to stop; it may still end in any way.
        "RUNNING" | "CANCEL_PENDING" => WorkState::Running,
        "COMPLETED" => WorkState::Succeeded,
        "FAILED" => WorkState::Failed,
        "CANCELLED" => WorkState::Cancelled,
        "INTERRUPTED" => WorkState::Interrupted,
        _ => return None,
    })
}

/// Reads a cluster's state.
pub fn cluster_state(text: &str) -> Option<ClusterState> {
    Some(match text {
        "STARTING" => ClusterState::Starting,
        "BOOTSTRAPPING" => ClusterState::Bootstrapping,
        "RUNNING" => ClusterState::Running,
        "WAITING" => ClusterState::Waiting,
        "TERMINATING" => ClusterState::Terminating,
        "TERMINATED" => ClusterState::Terminated,
        "TERMINATED_WITH_ERRORS" => ClusterState::TerminatedWithErrors,
        _ => return None,
    })
}

/// Reads a job's state.
pub fn job_state(text: &str) -> Option<WorkState> {
    Some(match text {
        "SUBMITTED" | "PENDING" | "RUNNABLE" | "STARTING" => WorkState::Pending,
        "RUNNING" => WorkState::Running,
        "SUCCEEDED" => WorkState::Succeeded,
        "FAILED" => WorkState::Failed,
        _ => return None,
    })
}

/// Tells why a job is where it is: what Batch says first, for failures are classed by its begin.
pub fn job_reason(
    status: Option<String>,
    container: Option<String>,
    exit_code: Option<i64>,
) -> Option<String> {
    let exit_code = exit_code.map(|code| format!("exit code {code}"));
    let said = [status, container, exit_code].into_iter().flatten();
    let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// A queue's name, from its name or ARN.
pub fn queue_name(queue: &str) -> &str {
    queue
        .rsplit_once("job-queue/")
        .map_or(queue, |(_, name)| name)
}

/// Reads EMR's state change reason, which is JSON within a string.
fn change_reason(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Reason {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(reason) = serde_json::from_str::<Reason>(text) else {
        return (!text.is_empty()).then(|| text.to_owned());
    };
    coded(&reason.code, &reason.message)
}

/// Puts a code and a message into one line; `None` when both are empty.
pub fn coded(code: &str, message: &str) -> Option<String> {
    match (code, message) {
        ("", "") => None,
        (text, "") | ("", text) => Some(text.to_owned()),
        (code, message) => Some(format!("{code}: {message}")),
    }
}

#[cfg(test)]
mod tests;
