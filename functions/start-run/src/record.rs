//! The run's item: one per slot, also when the slot is skipped (rule 4). The schedule's expected
//! slot moves on in the same commit (rule 18).

use choreography::expected::{self, GRACE};
use choreography::overdue::FIRST_LOOK;
use choreography::slot;
use choreography::upstreams::DEEPEST;
use model::Timestamp;
use model::definition::{Align, Workflow};
use model::expected::{Deadline, Expected};
use model::id::RunId;
use model::key::Key;
use model::limit::{LimitRef, SizedLimit};
use model::message::{RunRequest, Tick};
use model::registry::{CurrentTeam, CurrentWorkflow, Pause};
use model::run::{Cause, Run, RunState};
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};

/// Finds the run of the slot, or records it. `None` when the workflow is gone.
pub(crate) async fn find_or_create<P: Ports>(
    ports: &P,
    request: &RunRequest,
    tick: Option<&Tick>,
) -> Result<Option<Versioned<Run>>, Trouble> {
    let id = RunId::of(&request.workflow, &request.slot);
    if let Some(run) = ports.store().get::<Run>(&Key::Run(id.clone())).await? {
        if let Some(tick) = tick {
            // Recorded by somebody else, such as a backfill: the schedule no longer owes it.
            if let Some((_, definition)) = crate::current(ports, &request.workflow).await? {
                let moved = moved_on(ports, tick, &definition).await?;
                if moved.is_some() {
                    ports.store().commit(moved.into_iter().collect()).await?;
                }
            }
        }
        return Ok(Some(run));
    }
    let Some((current, definition)) = crate::current(ports, &request.workflow).await? else {
        return Ok(None);
    };
    let now = ports.clock().now();
    let refusal = refusal(ports, request, tick, &definition).await?;
    let run = new_run(ports, id, request, &current, &definition, refusal, now).await?;
    let mut writes = vec![Write::create(&run)];
    if let Some(tick) = tick {
        writes.extend(moved_on(ports, tick, &definition).await?);
    }
    if run.state != RunState::Skipped
        && let Some(deadline) = deadline(&run, &definition)
    {
        // Of a slot that was missed before its run came, reconcile has marked the deadline.
        let key = Key::Deadline(deadline.workflow.clone(), deadline.slot.clone());
        if ports.store().get::<Deadline>(&key).await?.is_none() {
            writes.push(Write::create(&deadline));
        }
    }
    ports.store().commit(writes).await?;
    Ok(Some(Versioned {
        value: run,
        version: 1,
    }))
}

/// Why the slot is recorded but does not run.
async fn refusal<P: Ports>(
    ports: &P,
    request: &RunRequest,
    tick: Option<&Tick>,
    definition: &Workflow,
) -> Result<Option<String>, Trouble> {
    if tick.is_some_and(|tick| tick.skip) {
        return Ok(Some(
            "its tick was missed, and the catch-up policy passes it over".to_owned(),
        ));
    }
    if request.depth > DEEPEST {
        return Ok(Some(format!(
            "more than {DEEPEST} runs started each other in a row"
        )));
    }
    let missing = definition
        .params
        .iter()
        .find(|(name, spec)| spec.default.is_none() && !request.params.contains_key(name.as_str()));
    if let Some((name, _)) = missing {
        return Ok(Some(format!(
            "the param `{name}` has no default and was not given"
        )));
    }
    let by_hand = match request.cause {
        Cause::Manual { .. } | Cause::Backfill { .. } => true,
        Cause::Schedule { .. } | Cause::Upstream { .. } | Cause::Event { .. } => false,
    };
    if by_hand {
        return Ok(None);
    }
    let pause = ports
        .store()
        .get::<Pause>(&Key::WorkflowPause(request.workflow.clone()))
        .await?;
    Ok(pause.map(|pause| format!("the workflow is paused by {}", pause.value.by)))
}

async fn new_run<P: Ports>(
    ports: &P,
    id: RunId,
    request: &RunRequest,
    current: &CurrentWorkflow,
    definition: &Workflow,
    refusal: Option<String>,
    now: Timestamp,
) -> Result<Run, Trouble> {
    let limits = limits(ports, request, definition).await?;
    let state = match (&refusal, limits.is_empty()) {
        (Some(_), _) => RunState::Skipped,
        (None, true) => RunState::Running,
        (None, false) => RunState::Waiting,
    };
    Ok(Run {
        run: id,
        team: request.workflow.team.clone(),
        workflow: request.workflow.name.clone(),
        slot: request.slot.clone(),
        logical_date: request.logical_date,
        state,
        generation: 1,
        definition: current.definition.clone(),
        definition_since: 1,
        cause: request.cause.clone(),
        params: request.params.clone(),
        depth: request.depth,
        limits,
        paused: false,
        created_at: now,
        started_at: (state == RunState::Running).then_some(now),
        ended_at: (state == RunState::Skipped).then_some(now),
        reason: refusal,
        check_at: (state != RunState::Skipped).then(|| FIRST_LOOK.after(now)),
        slow: None,
    })
}

/// Every limit the run needs a place of.
async fn limits<P: Ports>(
    ports: &P,
    request: &RunRequest,
    definition: &Workflow,
) -> Result<Vec<SizedLimit>, Trouble> {
    let workflow = definition.max_active_runs.map(|active| SizedLimit {
        limit: LimitRef::WorkflowRuns(request.workflow.clone()),
        size: active.max,
    });
    let team = request.workflow.team.clone();
    let current = ports
        .store()
        .get::<CurrentTeam>(&Key::CurrentTeam(team.clone()))
        .await?;
    let quota = current.and_then(|current| current.value.quota.active_runs);
    let team = quota.map(|size| SizedLimit {
        limit: LimitRef::TeamRuns(team),
        size,
    });
    Ok(workflow
        .into_iter()
        .chain(team)
        .chain(request.limits.iter().cloned())
        .collect())
}

/// The schedule's expected slot, past this one.
async fn moved_on<P: Ports>(
    ports: &P,
    tick: &Tick,
    definition: &Workflow,
) -> Result<Option<Write>, Trouble> {
    let Some(spec) = &definition.schedule else {
        return Ok(None);
    };
    let key = Key::Expected(tick.schedule.clone());
    let Some(expected) = ports.store().get::<Expected>(&key).await? else {
        return Ok(None);
    };
    let Ok(schedule) = expected::schedule_of(spec) else {
        return Ok(None);
    };
    let moved = expected::moved_on(&expected.value, &schedule, tick.scheduled_time, GRACE);
    Ok((moved != expected.value).then(|| Write::replace(&moved, Some(expected.version))))
}

/// The deadline of a run that somebody waits for by the clock. Runs by hand have none; days and
/// hours of upstreams have theirs on the expected slot, so that it is there without a run.
fn deadline(run: &Run, definition: &Workflow) -> Option<Deadline> {
    let waited_for = match run.cause {
        Cause::Schedule { .. } | Cause::Event { .. } => true,
        Cause::Upstream { .. } => definition.align == Align::Slot,
        Cause::Manual { .. } | Cause::Backfill { .. } => false,
    };
    let zone = slot::zone(&definition.timezone);
    let written = definition.deadline.filter(|_| waited_for)?;
    let deadline_at = slot::deadline(written, &zone, run.logical_date);
    Some(Deadline {
        workflow: run.workflow_ref(),
        slot: run.slot.clone(),
        run: run.run.clone(),
        logical_date: run.logical_date,
        deadline_at,
        due_at: Some(deadline_at),
        missed: false,
        run_state: None,
        look_at: Some(run.created_at),
        risk: None,
    })
}
