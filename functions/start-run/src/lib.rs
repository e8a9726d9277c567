//! start-run: a tick, an upstream's success, an outside event or a request becomes a run.
//!
//! In: ticks of workflows, `run.succeeded`, matched events, requests of other functions.
//! Out: `run.started` and `task.ready` for every task without upstreams; `run.waiting`,
//! `run.skipped`.
//!
//! Safe to repeat from the middle: a run's identity follows from what it is for (rule 4), so
//! whoever comes second finds the item and goes on from its state.

mod admit;
mod begin;
mod meet;
mod record;

use choreography::slot;
use model::definition::Workflow;
use model::expected::ScheduleRef;
use model::fact::FactBody;
use model::key::Key;
use model::message::{MatchedEvent, Message, RunRequest, Tick};
use model::name::WorkflowRef;
use model::registry::CurrentWorkflow;
use model::run::{Cause, Run, RunState};
use ports::{Delivery, Ports, Trouble, TypedStore as _, Verdict};
use protocols::{content, limits};

/// Handles a batch, message by message.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(Verdict::from(on(ports, delivery.message).await));
    }
    verdicts
}

async fn on<P: Ports>(ports: &P, message: Message) -> Result<(), Trouble> {
    match message {
        Message::Tick(tick) => on_tick(ports, tick).await,
        Message::Event(event) => on_event(ports, event).await,
        Message::Start(request) => start(ports, request, None).await,
        Message::Fact(fact) => match &fact.body {
            FactBody::RunSucceeded(run) => {
                let Some(upstream) = fact.workflow_ref() else {
                    return Err(Trouble::Poison("a run belongs to a workflow".to_owned()));
                };
                for request in meet::downstream(ports, &upstream, run).await? {
                    start(ports, request, None).await?;
                }
                Ok(())
            }
            other => Err(Trouble::Poison(format!(
                "start-run does not take {}",
                other.type_name()
            ))),
        },
        Message::Work(_)
        | Message::Cluster(_)
        | Message::Drain(_)
        | Message::Sweep
        | Message::Alert(_) => Err(Trouble::Poison(
            "start-run takes what starts runs only".to_owned(),
        )),
    }
}

async fn on_tick<P: Ports>(ports: &P, tick: Tick) -> Result<(), Trouble> {
    let ScheduleRef::Workflow(workflow) = &tick.schedule else {
        return Err(Trouble::Poison(format!(
            "{} starts no workflow",
            tick.schedule
        )));
    };
    let slot = slot::of_tick(tick.scheduled_time);
    let request = RunRequest {
        workflow: workflow.clone(),
        slot: slot.slot,
        logical_date: slot.logical_date,
        cause: Cause::Schedule { late: tick.late },
        params: Default::default(),
        depth: 0,
        limits: Vec::new(),
        waiting_since: None,
    };
    start(ports, request, Some(&tick)).await
}

async fn on_event<P: Ports>(ports: &P, matched: MatchedEvent) -> Result<(), Trouble> {
    let Some((_, definition)) = current(ports, &matched.workflow).await? else {
        return Ok(());
    };
    let Some(trigger) = definition.events.get(matched.trigger) else {
        tracing::warn!(workflow = %matched.workflow, "the pattern that matched is gone");
        return Ok(());
    };
    let slot = slot::of_event(trigger.slot.as_deref(), &matched.event).map_err(|path| {
        Trouble::Poison(format!(
            "the event has no text or number at `{path}` to be the slot"
        ))
    })?;
    let time = matched.event.get("time").and_then(|time| time.as_str());
    let logical_date = time.and_then(|time| time.parse().ok()).ok_or_else(|| {
        Trouble::Poison("the event has no `time` to be the logical date".to_owned())
    })?;
    let request = RunRequest {
        workflow: matched.workflow,
        slot,
        logical_date,
        cause: Cause::Event {
            event: matched.event,
        },
        params: Default::default(),
        depth: 0,
        limits: Vec::new(),
        waiting_since: None,
    };
    start(ports, request, None).await
}

/// Loads what is current of a workflow; `None` when it was removed, which a tick or event still on
/// its way may meet.
pub(crate) async fn current<P: Ports>(
    ports: &P,
    workflow: &WorkflowRef,
) -> Result<Option<(CurrentWorkflow, std::sync::Arc<Workflow>)>, Trouble> {
    let key = Key::CurrentWorkflow(workflow.clone());
    match ports.store().get::<CurrentWorkflow>(&key).await? {
        Some(current) if !current.value.removed => {
            let definition = content::workflow(ports, &current.value.definition).await?;
            Ok(Some((current.value, definition)))
        }
        Some(_) | None => {
            tracing::warn!(%workflow, "no such workflow any more");
            Ok(None)
        }
    }
}

/// Finds or records the run, and takes it as far as its limits allow.
async fn start<P: Ports>(
    ports: &P,
    request: RunRequest,
    tick: Option<&Tick>,
) -> Result<(), Trouble> {
    let Some(run) = record::find_or_create(ports, &request, tick).await? else {
        return Ok(());
    };
    if run.value.state != RunState::Waiting && request.waiting_since.is_some() {
        // A release that comes too late for this run goes on to the next.
        limits::pass_on(ports, &run.value.limits).await?;
    }
    match run.value.state {
        RunState::Waiting => match admit::admit(ports, run).await? {
            Some(run) => begin::publish(ports, &run).await,
            None => Ok(()),
        },
        // A duplicate publishes again what it caused; a rerun's tasks are not its doing.
        RunState::Running if run.value.generation == 1 => begin::publish(ports, &run.value).await,
        RunState::Skipped => begin::publish_state(ports, &run.value).await,
        RunState::Succeeded | RunState::Failed => tell_started(ports, &run.value).await,
        RunState::Cancelled => {
            tell_started(ports, &run.value).await?;
            // It may have taken places while it was being cancelled, and the message may be a release.
            limits::free_run(ports, &run.value).await
        }
        RunState::Running => Ok(()),
    }
}

/// Tells that a run that has ended since had started: whoever started it may have crashed before
/// anybody was told. After a rerun that is who opened the generation's to tell.
async fn tell_started<P: Ports>(ports: &P, ended: &Run) -> Result<(), Trouble> {
    if ended.generation == 1 && ended.started_at.is_some() {
        begin::publish_started(ports, ended).await?;
    }
    Ok(())
}
