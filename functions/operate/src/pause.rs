//! Pause and resume: of a workflow, whose slots are then recorded as skipped; of a run, whose
//! further tasks then wait.

use model::attempt::AttemptKey;
use model::id::RunId;
use model::key::Key;
use model::limit::{QueueRef, Waiter};
use model::name::WorkflowRef;
use model::operation::PauseTarget;
use model::registry::Pause;
use model::run::Run;
use ports::{Expect, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::limits;

use crate::record::Opened;
use crate::{Carried, Stop, refused, targets};

pub(crate) async fn pause<P: Ports>(
    ports: &P,
    opened: &Opened,
    target: &PauseTarget,
) -> Result<Carried, Stop> {
    match target {
        PauseTarget::Workflow(workflow) => pause_workflow(ports, opened, workflow).await,
        PauseTarget::Run(run) => {
            set_paused(ports, run, true).await?;
            Ok(Carried::Done(format!(
                "paused {run}: no further task of it is submitted"
            )))
        }
    }
}

pub(crate) async fn resume<P: Ports>(ports: &P, target: &PauseTarget) -> Result<Carried, Stop> {
    match target {
        PauseTarget::Workflow(workflow) => {
            targets::workflow(ports, workflow).await?;
            let delete = Write::delete(Key::WorkflowPause(workflow.clone()), Expect::Anything);
            ports.store().commit(vec![delete]).await?;
            Ok(Carried::Done(format!(
                "resumed {workflow}: its next slot runs"
            )))
        }
        PauseTarget::Run(run) => {
            set_paused(ports, run, false).await?;
            // The run says so first: who parks after this looks again and sees it.
            let released =
                limits::release(ports, &QueueRef::Resumed(run.clone()), usize::MAX).await?;
            Ok(Carried::Done(format!(
                "resumed {run}; {released} of its tasks had waited"
            )))
        }
    }
}

/// Removes attempts that waited for a run to be resumed and that nobody wants any more.
pub(crate) async fn forget<P: Ports>(
    ports: &P,
    run: &RunId,
    is_over: impl Fn(&AttemptKey) -> bool,
) -> Result<(), Trouble> {
    let partition = Key::queue_partition(&QueueRef::Resumed(run.clone()));
    let waiting = ports.store().list::<Waiter>(&partition, "waiter#").await?;
    for waiter in waiting.iter().map(|waiter| &waiter.value) {
        if waiter.holder.parse().is_ok_and(|key| is_over(&key)) {
            limits::leave(ports, waiter).await?;
        }
    }
    Ok(())
}

async fn pause_workflow<P: Ports>(
    ports: &P,
    opened: &Opened,
    workflow: &WorkflowRef,
) -> Result<Carried, Stop> {
    targets::workflow(ports, workflow).await?;
    let key = Key::WorkflowPause(workflow.clone());
    let request = opened.request();
    let pause = Pause {
        workflow: workflow.clone(),
        by: request.by.clone(),
        why: request.why.clone(),
        at: request.at,
    };
    match ports.store().get::<Pause>(&key).await? {
        Some(stored) if stored.value != pause => Ok(Carried::Done(format!(
            "{workflow} was paused already, by {}",
            stored.value.by
        ))),
        Some(_) => Ok(Carried::Done(format!(
            "paused {workflow}: its slots are skipped"
        ))),
        None => {
            ports.store().commit(vec![Write::create(&pause)]).await?;
            Ok(Carried::Done(format!(
                "paused {workflow}: its slots are skipped"
            )))
        }
    }
}

async fn set_paused<P: Ports>(ports: &P, run: &RunId, paused: bool) -> Result<(), Stop> {
    let read = targets::run(ports, run).await?;
    if read.value.state.is_terminal() {
        let word = targets::word(read.value.state);
        return refused(format!("the run `{run}` has ended already, it is {word}"));
    }
    if read.value.paused == paused {
        return Ok(());
    }
    let next = Run {
        paused,
        ..read.value
    };
    Ok(ports
        .store()
        .commit(vec![Write::replace(&next, Some(read.version))])
        .await?)
}
