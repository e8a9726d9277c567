//! What operations are about: finding it, or saying what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use choreography::plan::Plan;
use model::definition::Workflow;
use model::id::{DefinitionHash, RunId};
use model::key::Key;
use model::name::{TaskName, WorkflowRef};
use model::registry::CurrentWorkflow;
use model::run::{Run, RunState};
use model::task::{Task, TaskState};
use ports::{Ports, Trouble, TypedStore as _, Versioned};
use protocols::{content, plans};

use crate::{Stop, refused};

/// Finds a run.
pub(crate) async fn run<P: Ports>(ports: &P, run: &RunId) -> Result<Versioned<Run>, Stop> {
    match ports.store().get::<Run>(&Key::Run(run.clone())).await? {
        Some(run) => Ok(run),
        None => refused(format!("there is no run `{run}`; `murmur runs` lists them")),
    }
}

/// Finds what is current of a workflow.
pub(crate) async fn workflow<P: Ports>(
    ports: &P,
    reference: &WorkflowRef,
) -> Result<(CurrentWorkflow, Arc<Workflow>), Stop> {
    let key = Key::CurrentWorkflow(reference.clone());
    let current = match ports.store().get::<CurrentWorkflow>(&key).await? {
        None => {
            return refused(format!(
                "there is no workflow `{reference}`; it would be events/{}/workflows/{}.yaml",
                reference.team, reference.name
            ));
        }
        Some(current) if current.value.removed => {
            return refused(format!(
                "the workflow `{reference}` was removed; put its file back and apply"
            ));
        }
        Some(current) => current.value,
    };
    let definition = usable(content::workflow(ports, &current.definition).await)?;
    Ok((current, definition))
}

/// Loads a plan; a definition that cannot be used makes an operation impossible, not poisonous.
pub(crate) async fn plan<P: Ports>(ports: &P, hash: &DefinitionHash) -> Result<Arc<Plan>, Stop> {
    usable(plans::plan(ports, hash).await)
}

fn usable<T>(loaded: Result<T, Trouble>) -> Result<T, Stop> {
    loaded.map_err(|trouble| match trouble {
        Trouble::Poison(reason) => Stop::Refused(reason),
        Trouble::Store(_)
        | Trouble::Bus(_)
        | Trouble::Compute(_)
        | Trouble::Names(_)
        | Trouble::Notify(_)
        | Trouble::Conflict
        | Trouble::Later(_) => Stop::Trouble(trouble),
    })
}

/// The position of a task of a run.
pub(crate) fn task(plan: &Plan, run: &RunId, task: &TaskName) -> Result<u32, Stop> {
    match plan.position(task) {
        Some(position) => Ok(position),
        None => refused(format!(
            "the run `{run}` has no task `{task}`; it has {}",
            some(plan)
        )),
    }
}

fn some(plan: &Plan) -> String {
    const SHOWN: usize = 10;
    let names: Vec<&str> = plan
        .tasks
        .iter()
        .take(SHOWN)
        .map(|task| task.name.as_str())
        .collect();
    let more = plan.tasks.len().saturating_sub(SHOWN);
    let rest = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("{}{rest}", names.join(", "))
}

/// Reads every task of a run that somebody has reached.
pub(crate) async fn tasks<P: Ports>(
    ports: &P,
    run: &RunId,
) -> Result<Vec<Versioned<Task>>, Trouble> {
    Ok(ports
        .store()
        .list::<Task>(&Key::run_partition(run), "task#")
        .await?)
}

/// How far each task has come in the generation it is in. One that a rerun is yet to reach has not
/// come anywhere, however it ended before.
pub(crate) async fn states<P: Ports>(
    ports: &P,
    run: &Run,
) -> Result<BTreeMap<TaskName, TaskState>, Trouble> {
    let scopes = plans::scopes(ports, run).await?;
    let tasks = tasks(ports, &run.run).await?.into_iter();
    let current = tasks.filter(|task| task.value.generation == scopes.effective(&task.value.task));
    Ok(current
        .map(|task| (task.value.task, task.value.state))
        .collect())
}

/// A run's state in words.
pub(crate) fn word(state: RunState) -> &'static str {
    match state {
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Skipped => "skipped",
    }
}
