//! Asking for an operation: a fact in operate's inbox, with who asks and why, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use model::Timestamp;
use model::fact::{Fact, FactBody};
use model::id::{OperationId, RunId, Slot, digest};
use model::key::Key;
use model::message::{Function, Message};
use model::name::WorkflowRef;
use model::operation::{Operation, OperationKind, OperationRequest, OperationState};
use ports::TypedStore as _;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::{Screen, note};
use crate::target::Target;
use crate::target::chosen::pause;
use crate::target::local::user;

/// Who asks, and why.
#[derive(Debug, Clone, Args)]
pub struct Who {
    /// Why; recorded with the operation
    #[arg(long, value_name = "TEXT", help_heading = "Operation")]
    why: Option<String>,
    /// Who asks [default: USER; on AWS the caller's ARN, which is recorded in any case]
    #[arg(long, value_name = "NAME", help_heading = "Operation")]
    by: Option<String>,
}

/// Who asks, why, and whether to wait.
#[derive(Debug, Clone, Args)]
pub struct Asking {
    #[command(flatten)]
    who: Who,
    /// The operation's own id: asking twice with the same acts once [default: a new one]
    #[arg(long, value_name = "ID", help_heading = "Operation")]
    operation: Option<String>,
    /// Waits until it was carried out, however long that takes
    #[arg(long, help_heading = "Operation")]
    wait: bool,
}

/// What became of a request, for machines.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    operation: &'a OperationId,
    /// `accepted`, `done` or `refused`.
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunId>,
}

impl Who {
    /// Makes a request of theirs to a target.
    pub async fn request(
        &self,
        target: &impl Target,
        what: OperationKind,
    ) -> Result<OperationRequest, Failure> {
        let by = target.who(self.by.as_deref()).await;
        Ok(self.request_by(by, what, target.now()?))
    }

    /// Makes a request of theirs on this machine.
    pub fn request_here(&self, what: OperationKind, at: Timestamp) -> OperationRequest {
        self.request_by(user(self.by.as_deref()), what, at)
    }

    fn request_by(&self, by: String, what: OperationKind, at: Timestamp) -> OperationRequest {
        OperationRequest {
            operation: OperationId::from(new_id(&what)),
            by,
            why: self.why.clone(),
            at,
            what,
        }
    }
}

impl Asking {
    /// Asks, and tells what came of it as far as that is known soon.
    pub async fn ask(
        &self,
        target: &impl Target,
        workflow: &WorkflowRef,
        what: OperationKind,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let mut request = self.who.request(target, what).await?;
        if let Some(operation) = &self.operation {
            request.operation = OperationId::from(operation.as_str());
        }
        let run = run_of(&request);
        let id = request.operation.clone();
        target
            .send(Function::Operate, message(workflow, request))
            .await?;
        let at_work = target.is_at_work()?;
        let pace = target.pace();
        let patience = if self.wait { Duration::MAX } else { pace.soon };
        let done = if at_work || self.wait {
            if !at_work {
                note(&format!(
                    "nobody is at work; waiting for `{}`",
                    target.how_to_start()
                ));
            }
            awaited(target, &id, patience).await?
        } else {
            None
        };
        let state = done
            .as_ref()
            .map_or(OperationState::Accepted, |done| done.state);
        let result = done.as_ref().and_then(|done| done.result.as_deref());
        if screen.is_json() {
            let state = word(state);
            screen.json(&Answer {
                operation: &id,
                state,
                result,
                run: run.as_ref(),
            })?;
        }
        if let Some(run) = run.filter(|_| state != OperationState::Refused && !screen.is_json()) {
            screen.text(&format!("{run}\n"))?;
        }
        match state {
            OperationState::Done => {
                note(&format!(
                    "{} {}",
                    Paint::Good.text("done"),
                    result.unwrap_or_default()
                ));
                Ok(Exit::Fine)
            }
            OperationState::Refused => {
                let why = result.unwrap_or("no reason is recorded");
                Err(Failure::not_as_it_should_be(format!("refused: {why}")))
            }
            OperationState::Accepted => {
                let when = if at_work {
                    "it is being carried out".to_owned()
                } else {
                    format!(
                        "it will be carried out when `{}` runs",
                        target.how_to_start()
                    )
                };
                note(&format!("accepted as {id}; {when}"));
                Ok(Exit::Fine)
            }
        }
    }
}

/// The run that a request starts.
pub fn run_of(request: &OperationRequest) -> Option<RunId> {
    match &request.what {
        OperationKind::Start { workflow, slot, .. } => {
            let own = || Slot::from(request.operation.as_str());
            Some(RunId::of(workflow, &slot.clone().unwrap_or_else(own)))
        }
        OperationKind::Rerun { .. }
        | OperationKind::Backfill { .. }
        | OperationKind::Cancel { .. }
        | OperationKind::Pause { .. }
        | OperationKind::Resume { .. }
        | OperationKind::Mark { .. } => None,
    }
}

/// The message that carries a request.
pub fn message(workflow: &WorkflowRef, request: OperationRequest) -> Message {
    let (team, name, at) = (workflow.team.clone(), workflow.name.clone(), request.at);
    Message::Fact(Fact::new(
        team,
        Some(name),
        at,
        FactBody::OperationRequested(request),
    ))
}

/// Waits for an operation's end; `None` when it has not come in time.
async fn awaited(
    target: &impl Target,
    id: &OperationId,
    patience: Duration,
) -> Result<Option<Operation>, Failure> {
    let began = std::time::Instant::now();
    let (key, pace) = (Key::Operation(id.clone()), target.pace());
    for look in 0.. {
        let operation = target
            .store()
            .get::<Operation>(&key)
            .await?
            .map(|operation| operation.value);
        if let Some(operation) = operation.filter(|operation| has_ended(operation.state)) {
            return Ok(Some(operation));
        }
        if began.elapsed() > patience {
            break;
        }
        pause(pace.before(look)).await;
    }
    Ok(None)
}

/// Whether nothing more becomes of it.
pub fn has_ended(state: OperationState) -> bool {
    match state {
        OperationState::Accepted => false,
        OperationState::Done | OperationState::Refused => true,
    }
}

fn word(state: OperationState) -> &'static str {
    match state {
        OperationState::Accepted => "accepted",
        OperationState::Done => "done",
        OperationState::Refused => "refused",
    }
}

/// How many ids this process has chosen.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// An id nobody else chooses: what is asked for, and by a hash when and by which process.
fn new_id(what: &OperationKind) -> String {
    let kind = match what {
        OperationKind::Start { .. } => "start",
        OperationKind::Rerun { .. } => "rerun",
        OperationKind::Backfill { .. } => "backfill",
        OperationKind::Cancel { .. } => "cancel",
        OperationKind::Pause { .. } => "pause",
        OperationKind::Resume { .. } => "resume",
        OperationKind::Mark { .. } => "mark",
    };
    let now = crate::present::now();
    let nth = ASKED.fetch_add(1, Ordering::Relaxed).to_string();
    let process = std::process::id().to_string();
    let hash = &digest([now.to_string().as_str(), process.as_str(), nth.as_str()])[..8];
    format!("{kind}-{}-{hash}", now.strftime("%Y%m%d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::operation::PauseTarget;

    #[test]
    fn an_id_says_what_was_asked_for_and_is_new_each_time() {
        let target = PauseTarget::Workflow("weather/daily".parse().unwrap());
        let what = OperationKind::Pause { target };
        let (one, other) = (new_id(&what), new_id(&what));
        assert!(one.starts_with("pause-20"), "{one}");
        assert_ne!(one, other);
    }
}
