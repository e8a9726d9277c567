//! Retries whose delay no message can carry (rule 19).

use model::Timestamp;
use model::fact::TaskReady;
use model::key::Key;
use model::message::{Function, Message};
use model::run::Run;
use model::task::{Task, TaskState};
use ports::{EventBus as _, Outgoing, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::facts;

/// Sends an attempt that is due, then disarms the item.
pub(crate) async fn look<P: Ports>(ports: &P, due: Task, now: Timestamp) -> Result<(), Trouble> {
    let key = Key::Task(due.run.clone(), due.task.clone());
    let Some(read) = ports.store().get::<Task>(&key).await? else {
        return Ok(());
    };
    if read.value.due_at.is_none_or(|due_at| due_at > now) {
        return Ok(());
    }
    if read.value.state == TaskState::Retrying {
        send(ports, &read.value).await?;
    }
    let next = Task {
        due_at: None,
        ..read.value
    };
    Ok(ports
        .store()
        .commit(vec![Write::replace(&next, Some(read.version))])
        .await?)
}

/// Sends an attempt to submit-task, which finds out what became of it.
pub(crate) async fn send<P: Ports>(ports: &P, task: &Task) -> Result<(), Trouble> {
    let Some(run) = ports
        .store()
        .get::<Run>(&Key::Run(task.run.clone()))
        .await?
    else {
        return Ok(());
    };
    let ready = TaskReady {
        run: task.run.clone(),
        task: task.task.clone(),
        generation: task.generation,
        attempt: task.attempt,
        since: task.ready_at,
        released_by: None,
    };
    let message = Message::Fact(facts::ready(&run.value, ready));
    Ok(ports
        .bus()
        .send(Function::SubmitTask, vec![Outgoing::from(message)])
        .await?)
}
