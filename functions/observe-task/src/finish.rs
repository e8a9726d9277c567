//! What an attempt's end causes: facts, freed places, the next attempt.

use model::fact::TaskReady;
use model::key::Key;
use model::message::{Function, Message};
use model::run::Run;
use model::task::Task;
use model::units::Seconds;
use ports::bus::MAX_DELAY;
use ports::{EventBus as _, Outgoing, Ports, Trouble, TypedStore as _};
use protocols::{facts, registry};

/// Tells a task's end, then frees what it held.
pub(crate) async fn ended<P: Ports>(ports: &P, task: &Task) -> Result<(), Trouble> {
    ports
        .bus()
        .publish(facts::task(task).into_iter().collect())
        .await?;
    free(ports, task).await
}

/// Tells that another attempt follows, frees what the last one held, and sends the next.
pub(crate) async fn again<P: Ports>(
    ports: &P,
    past: &Task,
    next: &Task,
    delay: Seconds,
) -> Result<(), Trouble> {
    ports
        .bus()
        .publish(facts::task(next).into_iter().collect())
        .await?;
    free(ports, past).await?;
    if next.due_at.is_some() || delay > MAX_DELAY {
        // Reconcile sends it when it is due.
        return Ok(());
    }
    let Some(run) = ports
        .store()
        .get::<Run>(&Key::Run(next.run.clone()))
        .await?
    else {
        return Ok(());
    };
    let ready = TaskReady {
        run: next.run.clone(),
        task: next.task.clone(),
        generation: next.generation,
        attempt: next.attempt,
        since: next.ready_at,
    };
    let message = Message::Fact(facts::ready(&run.value, ready));
    Ok(ports
        .bus()
        .send(Function::SubmitTask, vec![Outgoing { message, delay }])
        .await?)
}

/// Frees the attempt's places and releases who waited for them.
async fn free<P: Ports>(ports: &P, task: &Task) -> Result<(), Trouble> {
    match &task.claim {
        Some(claim) => {
            let holder = task.attempt_key().to_string();
            registry::free_claim(ports, claim, &holder).await
        }
        None => Ok(()),
    }
}
