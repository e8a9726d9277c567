//! What an attempt's end causes once it is told: freed places, the next attempt.

use model::fact::TaskReady;
use model::key::Key;
use model::message::{Function, Message};
use model::run::Run;
use model::task::{Claim, Task};
use model::units::Seconds;
use ports::bus::MAX_DELAY;
use ports::{EventBus as _, Outgoing, Ports, Trouble, TypedStore as _};
use protocols::{facts, registry};

use crate::{End, Observed};

/// Frees what ended attempts of a batch held, together, then sends the next attempts. Returns what
/// went wrong with which messages.
pub(crate) async fn all<P: Ports>(
    ports: &P,
    observed: Vec<(Vec<usize>, Observed)>,
) -> Vec<(Vec<usize>, Trouble)> {
    let mut freed: Vec<(&Claim, String)> = Vec::new();
    let mut freeing: Vec<usize> = Vec::new();
    for (positions, observed) in &observed {
        let ended = match &observed.end {
            End::None => continue,
            End::Ended(task) => task.as_ref(),
            End::Again { past, .. } | End::Followed { past, .. } => past.as_ref(),
        };
        if let Some(claim) = &ended.claim {
            freed.push((claim, ended.attempt_key().to_string()));
            freeing.extend(positions);
        }
    }
    let freed: Vec<(&Claim, &str)> = freed
        .iter()
        .map(|(claim, key)| (*claim, key.as_str()))
        .collect();
    if let Err(trouble) = registry::free_claims(ports, &freed).await {
        return vec![(freeing, trouble)];
    }
    let mut troubles = Vec::new();
    for (positions, observed) in observed {
        if let End::Again { next, delay, .. } = observed.end
            && let Err(trouble) = send(ports, &next, delay).await
        {
            troubles.push((positions, trouble));
        }
    }
    troubles
}

/// Sends the next attempt, unless reconcile does when it is due.
async fn send<P: Ports>(ports: &P, next: &Task, delay: Seconds) -> Result<(), Trouble> {
    if next.due_at.is_some() || delay > MAX_DELAY {
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
        released_by: None,
    };
    let message = Message::Fact(facts::ready(&run.value, ready));
    Ok(ports
        .bus()
        .send(Function::SubmitTask, vec![Outgoing { message, delay }])
        .await?)
}
