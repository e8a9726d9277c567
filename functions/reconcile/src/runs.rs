//! Runs that have not ended when they were to be looked at: whatever is overdue is sent again.

use std::collections::{BTreeMap, BTreeSet};

use choreography::overdue::{Again, FIRST_LOOK, Overdue, Progress, overdue};
use choreography::plan::Plan;
use model::Timestamp;
use model::fact::TaskReady;
use model::id::RunId;
use model::key::Key;
use model::message::{Function, Message, RunRequest};
use model::metric::Correction;
use model::name::TaskName;
use model::run::{Run, RunState, Slow};
use model::task::{Task, TaskState};
use model::units::Seconds;
use ports::{CommitError, EventBus as _, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned, Write};
use protocols::{facts, limits, plans};

use crate::jobs::Jobs;
use crate::slow;
use crate::steps::Steps;

/// The longest until a run is looked at again; until then, twice as long as it has run.
const LATEST: Seconds = Seconds::hours(1);

/// The soonest.
const SOON: Seconds = Seconds(90);

/// Work of runs that has been open for long.
#[derive(Default)]
struct Open {
    jobs: Jobs,
    steps: Steps,
}

/// Looks at runs; their work is asked about together. Returns what went wrong with which.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    due: Vec<Versioned<Run>>,
    now: Timestamp,
) -> Vec<(RunId, Trouble)> {
    let mut open = Open::default();
    let mut troubles = Vec::new();
    let mut looked_at = Vec::new();
    for run in due {
        match one(ports, &run.value, now, &mut open).await {
            Ok(()) => looked_at.push(run),
            Err(trouble) => {
                let id = run.value.run.clone();
                // What is poison now is poison in two minutes: it must not be in the way.
                if matches!(trouble, Trouble::Poison(_)) {
                    looked_at.push(run);
                }
                troubles.push((id, trouble));
            }
        }
    }
    let mut unanswered = open.jobs.ask(ports, now).await;
    unanswered.extend(open.steps.look(ports, now).await);
    let failed: BTreeSet<RunId> = unanswered.iter().map(|(run, _)| run.clone()).collect();
    troubles.extend(unanswered);
    for run in looked_at {
        let id = run.value.run.clone();
        if failed.contains(&id) {
            continue;
        }
        let armed = match slow::look(ports, &run.value, now).await {
            Ok(slow) => arm(ports, run, slow, now).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = armed {
            troubles.push((id, trouble));
        }
    }
    troubles
}

/// What went wrong with a question about work of these runs, once for each piece of it.
pub(crate) fn unanswered<'a>(
    runs: impl IntoIterator<Item = &'a RunId>,
    trouble: &Trouble,
) -> Vec<(RunId, Trouble)> {
    let reason = trouble.to_string();
    let told = |run: &RunId| {
        let reason = reason.clone();
        (run.clone(), ports::ComputeError { reason }.into())
    };
    runs.into_iter().map(told).collect()
}

/// Looks at one run as it was found. It may have moved on since: whatever is sent again is a duplicate
/// then.
async fn one<P: Ports>(
    ports: &P,
    run: &Run,
    now: Timestamp,
    open: &mut Open,
) -> Result<(), Trouble> {
    match run.state {
        RunState::Waiting => start_again(ports, run).await,
        RunState::Running => send_again(ports, run, now, open).await,
        RunState::Succeeded | RunState::Failed | RunState::Cancelled | RunState::Skipped => Ok(()),
    }
}

/// Arms a run again, no later than it is slow, or disarms it if it has ended.
async fn arm<P: Ports>(
    ports: &P,
    read: Versioned<Run>,
    slow: Option<Slow>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let mut run = read.value;
    run.slow = slow;
    let begun = run.started_at.unwrap_or(run.created_at);
    let twice = Seconds(Seconds::between(begun, now).0 * 2);
    let pause = twice.clamp(FIRST_LOOK, LATEST);
    let pause = pause.after(now);
    let is_slow_at = slow.filter(|slow| !slow.told).map(|slow| slow.at);
    let next = is_slow_at.map_or(pause, |at| at.max(SOON.after(now)).min(pause));
    run.check_at = (!run.state.is_terminal()).then_some(next);
    match ports
        .store()
        .commit(vec![Write::replace(&run, Some(read.version))])
        .await
    {
        // A conflict: it moved on meanwhile, and is looked at again with the next tick.
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Asks for a run that waits again, if none of its limits is full: the release it waited for is
/// lost, or a limit has grown.
async fn start_again<P: Ports>(ports: &P, run: &Run) -> Result<(), Trouble> {
    for sized in &run.limits {
        let held = limits::held(ports, &sized.limit).await?;
        let own = held
            .iter()
            .any(|place| place.value.holder == run.run.as_str());
        if !own && held.len() >= sized.size as usize {
            return Ok(());
        }
    }
    let request = RunRequest {
        workflow: run.workflow_ref(),
        slot: run.slot.clone(),
        logical_date: run.logical_date,
        cause: run.cause.clone(),
        params: run.params.clone(),
        depth: run.depth,
        limits: Vec::new(),
        waiting_since: Some(run.created_at),
    };
    let start = Outgoing::from(Message::Start(request));
    Ok(ports.bus().send(Function::StartRun, vec![start]).await?)
}

async fn send_again<P: Ports>(
    ports: &P,
    run: &Run,
    now: Timestamp,
    open: &mut Open,
) -> Result<(), Trouble> {
    let plan = plans::plan(ports, &run.definition).await?;
    let scopes = plans::scopes(ports, run).await?;
    let mut began = BTreeMap::from([(1, run.started_at.unwrap_or(run.created_at))]);
    if run.generation > 1 {
        let generations = plans::generations(ports, run).await?;
        began.extend(
            generations
                .iter()
                .map(|opened| (opened.generation, opened.at)),
        );
    }
    let listed = ports
        .store()
        .list::<Task>(&Key::run_partition(&run.run), "task#")
        .await?;
    let tasks: BTreeMap<TaskName, Task> = listed
        .into_iter()
        .map(|task| (task.value.task.clone(), task.value))
        .collect();
    let progress = Progress {
        plan: &plan,
        scopes: &scopes,
        began: &began,
        tasks: &tasks,
        paused: run.paused,
    };
    let found = overdue(&progress, now);
    for task in found.open.iter().filter_map(|name| tasks.get(name)) {
        open.jobs.add(task);
        open.steps.add(task, &plan);
    }
    deliver(ports, run, &plan, &tasks, &found).await
}

/// Sends what is overdue to whoever acts on it; to them it is a duplicate if nothing was lost.
async fn deliver<P: Ports>(
    ports: &P,
    run: &Run,
    plan: &Plan,
    tasks: &BTreeMap<TaskName, Task>,
    found: &Overdue,
) -> Result<(), Trouble> {
    let ended = found
        .outcomes
        .iter()
        .filter_map(|at| tasks.get(&plan.task(*at).name));
    let outcomes = ended.filter_map(facts::task);
    let outcomes: Vec<Outgoing> = outcomes
        .map(|fact| Outgoing::from(Message::Fact(fact)))
        .collect();
    let ready = found.ready.iter().map(|again| {
        let Again {
            position,
            generation,
            attempt,
            since,
        } = *again;
        let task = plan.task(position).name.clone();
        let ready = TaskReady {
            run: run.run.clone(),
            task,
            generation,
            attempt,
            since,
            released_by: None,
        };
        Outgoing::from(Message::Fact(facts::ready(run, ready)))
    });
    let ready: Vec<Outgoing> = ready.collect();
    let (outcome_count, ready_count) = (outcomes.len(), ready.len());
    // What waits is tried again as a matter of course; all else should not have been overdue.
    let waits = |again: &Again| {
        let task = tasks.get(&plan.task(again.position).name);
        task.is_some_and(|task| task.state == TaskState::Waiting)
    };
    if outcome_count > 0 || !found.ready.iter().all(waits) {
        ports
            .meter()
            .record(Correction::Run.figure(outcome_count + ready_count));
        let correction = Correction::Run.name();
        tracing::warn!(correction, run = %run.run, outcome_count, ready_count, "sending again");
    }
    if !outcomes.is_empty() {
        ports.bus().send(Function::AdvanceRun, outcomes).await?;
    }
    if !ready.is_empty() {
        ports.bus().send(Function::SubmitTask, ready).await?;
    }
    Ok(())
}
