//! Cancel a run: it ends here and now; its open attempts end with the service's word.
//!
//! The run is written first and the tasks are read then; submit-task claims first and reads the
//! run then. So no attempt is submitted that nobody stops (rule 16).

use choreography::plan::Plan;
use model::fact::Fact;
use model::id::RunId;
use model::key::{Key, WaiterOrder};
use model::limit::QueueRef;
use model::run::{Run, RunState};
use model::task::Stopping;
use model::units::Seconds;
use ports::{Clock as _, EventBus as _, Expect, Ports, StateStore as _, Trouble};
use ports::{Versioned, Write};
use protocols::{facts, limits};

use crate::attempt::{self, Cancelled};
use crate::record::Opened;
use crate::{Carried, Stop, pause, refused, targets};

/// Ends the run, unless that is done, and stops what is open of it.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &RunId,
) -> Result<Carried, Stop> {
    let read = targets::run(ports, run).await?;
    let plan = targets::plan(ports, &read.value.definition).await?;
    let generation = read.value.generation;
    if opened.generation().is_some_and(|ours| ours != generation) {
        return Ok(Carried::Done(format!(
            "{run} was cancelled, and runs again since"
        )));
    }
    let run = match read.value.state {
        RunState::Waiting | RunState::Running => {
            opened.note_generation(ports, generation).await?;
            end(ports, opened, read).await?
        }
        // By this very operation, before a crash; or by another, and then once more does no harm.
        RunState::Cancelled => read.value,
        RunState::Succeeded | RunState::Failed | RunState::Skipped => {
            let word = targets::word(read.value.state);
            return refused(format!("the run `{run}` has ended already, it is {word}"));
        }
    };
    forget_waiters(ports, &run, plan.workflow.priority).await?;
    let by = opened.request().by.clone();
    let (cancelled, in_doubt) = stop_all(ports, &plan, &run, &by).await?;
    limits::free_run(ports, &run).await?;
    pause::forget(ports, &run.run, |_| true).await?;
    let told = std::iter::once(facts::run(&run)).chain(cancelled);
    ports.bus().publish(told.collect()).await?;
    match in_doubt {
        Some(delay) => Err(Trouble::Later(delay).into()),
        None => Ok(Carried::Done(format!("cancelled {}", run.run))),
    }
}

async fn end<P: Ports>(ports: &P, opened: &Opened, read: Versioned<Run>) -> Result<Run, Trouble> {
    let request = opened.request();
    let why = request
        .why
        .as_ref()
        .map_or(String::new(), |why| format!(": {why}"));
    let mut run = read.value;
    run.state = RunState::Cancelled;
    run.ended_at = Some(ports.clock().now());
    run.reason = Some(format!("cancelled by {}{why}", request.by));
    run.check_at = None;
    ports
        .store()
        .commit(vec![Write::replace(&run, Some(read.version))])
        .await?;
    tracing::info!(run = %run.run, by = request.by, "run cancelled");
    Ok(run)
}

/// Stops every attempt that has not ended; returns the facts of those that ended here, and when to
/// ask again about those of which it is not known whether they were submitted.
async fn stop_all<P: Ports>(
    ports: &P,
    plan: &Plan,
    run: &Run,
    by: &str,
) -> Result<(Vec<Fact>, Option<Seconds>), Trouble> {
    let why = Stopping::Cancelled { by: by.to_owned() };
    let mut told = Vec::new();
    let mut again: Option<Seconds> = None;
    for task in targets::tasks(ports, &run.run).await? {
        let task = task.value;
        if task.state.outcome().is_some() && !attempt::was_ended_here(&task, &why) {
            continue;
        }
        match attempt::cancel(ports, plan, &task.attempt_key(), by).await? {
            Cancelled::Ended(task) => told.extend(facts::task(&task)),
            Cancelled::InDoubt(left) => again = Some(again.map_or(left, |again| again.max(left))),
            Cancelled::Stale | Cancelled::Asked => {}
        }
    }
    Ok((told, again))
}

/// Removes what the run left where it waited for a place.
async fn forget_waiters<P: Ports>(ports: &P, run: &Run, priority: i32) -> Result<(), Trouble> {
    for sized in &run.limits {
        let order = WaiterOrder {
            priority,
            since: run.created_at,
            holder: run.run.to_string(),
        };
        let key = Key::Waiter(QueueRef::Limit(sized.limit.clone()), order);
        ports
            .store()
            .commit(vec![Write::delete(key, Expect::Anything)])
            .await?;
    }
    Ok(())
}
