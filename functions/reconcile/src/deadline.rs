//! Deadlines of runs that were recorded (rule 18).

use choreography::deadline::{Judgement, judge};
use model::Timestamp;
use model::expected::Deadline;
use model::fact::{DeadlineFact, Fact, FactBody};
use model::key::Key;
use model::run::Run;
use ports::{EventBus as _, Expect, Ports, StateStore as _, Trouble, TypedStore as _, Write};

use crate::risk;

/// Judges a deadline once: a missed one is marked, told, and then disarmed. Before, it is looked at
/// whether it will be missed.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    due: Deadline,
    now: Timestamp,
) -> Result<(), Trouble> {
    let key = Key::Deadline(due.workflow.clone(), due.slot.clone());
    let Some(read) = ports.store().get::<Deadline>(&key).await? else {
        return Ok(());
    };
    if read.value.due_at.is_none_or(|due_at| due_at > now) {
        return match read.value.look_at {
            Some(look_at) if look_at <= now => risk::look(ports, read, now).await,
            Some(_) | None => Ok(()),
        };
    }
    let (mut deadline, mut version) = (read.value, read.version);
    let run = ports
        .store()
        .get::<Run>(&Key::Run(deadline.run.clone()))
        .await?;
    let run = run.map(|run| run.value);
    if !deadline.missed {
        match judge(run.as_ref(), deadline.deadline_at) {
            Judgement::Met | Judgement::Excused => {
                let delete = Write::delete(key, Expect::Version(version));
                return Ok(ports.store().commit(vec![delete]).await?);
            }
            Judgement::Missed => {}
        }
        // The mark comes first: whoever repeats this tells it again, however the run went on.
        deadline.missed = true;
        deadline.run_state = run.map(|run| run.state);
        ports
            .store()
            .commit(vec![Write::replace(&deadline, Some(version))])
            .await?;
        version += 1;
    }
    tell(ports, &deadline).await?;
    (deadline.due_at, deadline.look_at) = (None, None);
    Ok(ports
        .store()
        .commit(vec![Write::replace(&deadline, Some(version))])
        .await?)
}

/// Marks a slot whose deadline was missed without anybody having recorded it, and tells it; a
/// repetition tells what the first mark says.
pub(crate) async fn mark<P: Ports>(ports: &P, missed: Deadline) -> Result<(), Trouble> {
    let key = Key::Deadline(missed.workflow.clone(), missed.slot.clone());
    let marked = match ports.store().get::<Deadline>(&key).await? {
        Some(read) if read.value.missed => read.value,
        read => {
            let version = read.map(|read| read.version);
            let write = Write::replace(&missed, version);
            ports.store().commit(vec![write]).await?;
            missed
        }
    };
    tell(ports, &marked).await
}

/// Publishes that a deadline was missed; its time is the deadline itself.
async fn tell<P: Ports>(ports: &P, deadline: &Deadline) -> Result<(), Trouble> {
    tracing::warn!(run = %deadline.run, deadline_at = %deadline.deadline_at, "deadline missed");
    let body = FactBody::DeadlineMissed(DeadlineFact {
        workflow: deadline.workflow.clone(),
        run: deadline.run.clone(),
        slot: deadline.slot.clone(),
        deadline_at: deadline.deadline_at,
        state: deadline.run_state,
    });
    let workflow = deadline.workflow.clone();
    let fact = Fact::new(
        workflow.team,
        Some(workflow.name),
        deadline.deadline_at,
        body,
    );
    Ok(ports.bus().publish(vec![fact]).await?)
}
