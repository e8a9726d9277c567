//! Cancel a task: its attempt is stopped and no other follows; it counts as failed at joins.

use model::id::RunId;
use model::key::Key;
use model::name::TaskName;
use model::task::{Outcome, Stopping, Task};
use ports::{EventBus as _, Ports, Trouble, TypedStore as _};
use protocols::{facts, plans};

use crate::attempt::{self, Cancelled};
use crate::record::Opened;
use crate::{Carried, Stop, refused, targets};

/// Stops the task's newest attempt.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &RunId,
    name: &TaskName,
) -> Result<Carried, Stop> {
    let read = targets::run(ports, run).await?.value;
    let plan = targets::plan(ports, &read.definition).await?;
    targets::task(&plan, run, name)?;
    if read.state.is_terminal() {
        let word = targets::word(read.state);
        return refused(format!("the run `{run}` has ended already, it is {word}"));
    }
    let effective = plans::scopes(ports, &read).await?.effective(name);
    if opened.generation().is_some_and(|ours| ours != effective) {
        return Ok(Carried::Done(format!(
            "`{name}` was cancelled, and runs again since"
        )));
    }
    let task = ports
        .store()
        .get::<Task>(&Key::Task(run.clone(), name.clone()))
        .await?;
    let Some(task) = task.filter(|task| task.value.generation == effective) else {
        return refused(format!(
            "`{name}` of `{run}` has not been reached; to keep it from running, mark it skipped"
        ));
    };
    let task = task.value;
    let by = opened.request().by.clone();
    let why = Stopping::Cancelled { by: by.clone() };
    if let Some(outcome) = task.state.outcome()
        && !attempt::was_ended_here(&task, &why)
    {
        return already(opened, run, name, outcome);
    }
    opened.note_generation(ports, effective).await?;
    match attempt::cancel(ports, &plan, &task.attempt_key(), &by).await? {
        Cancelled::InDoubt(left) => Err(Trouble::Later(left).into()),
        // It moved on in between: its next attempt is cancelled instead.
        Cancelled::Stale => Err(Trouble::Conflict.into()),
        Cancelled::Asked => Ok(Carried::Done(format!(
            "asked the compute service to stop `{name}` of {run}"
        ))),
        Cancelled::Ended(task) => {
            ports
                .bus()
                .publish(facts::task(&task).into_iter().collect())
                .await?;
            Ok(Carried::Done(format!("cancelled `{name}` of {run}")))
        }
    }
}

fn already(
    opened: &Opened,
    run: &RunId,
    name: &TaskName,
    outcome: Outcome,
) -> Result<Carried, Stop> {
    let word = match outcome {
        // Ours, if it was begun: the service's answer came before a repeat.
        Outcome::Cancelled if opened.generation().is_some() => {
            return Ok(Carried::Done(format!("cancelled `{name}` of {run}")));
        }
        Outcome::Cancelled => "cancelled",
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Blocked => "blocked",
        Outcome::Skipped => "skipped",
    };
    refused(format!(
        "`{name}` of `{run}` has ended already, it is {word}; to change what follows, mark or rerun it"
    ))
}
