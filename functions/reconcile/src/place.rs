//! Suspect places: held for so long that proof is asked for (rule 15). Expiry frees nothing.

use choreography::suspect::{Holding, of_attempt, of_run};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::RunId;
use model::key::Key;
use model::limit::{LimitRef, Place, QueueRef};
use model::metric::Correction;
use model::run::Run;
use model::task::Task;
use model::units::Seconds;
use ports::{Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::limits;

use crate::task;

/// After how long a holder that lives is suspect again.
const AGAIN: Seconds = Seconds::hours(1);

/// How long freeing a place takes at most, unless it is interrupted.
const IT_IS_FREE: Seconds = Seconds(30);

/// Frees a place whose holder has ended; arms it again otherwise.
pub(crate) async fn look<P: Ports>(ports: &P, due: Place, now: Timestamp) -> Result<(), Trouble> {
    let key = Key::Place(due.limit.clone(), due.number);
    let Some(read) = ports.store().get::<Place>(&key).await? else {
        return Ok(());
    };
    if read.value.due_at.is_none_or(|due_at| due_at > now) {
        return Ok(());
    }
    match holding(ports, &read.value, now).await? {
        Holding::Alive | Holding::Unheard => {
            let next = Place {
                due_at: Some(AGAIN.after(now)),
                ..read.value
            };
            Ok(ports
                .store()
                .commit(vec![Write::replace(&next, Some(read.version))])
                .await?)
        }
        Holding::Over => {
            let Place { limit, holder, .. } = &read.value;
            ports.meter().record(Correction::Place.figure(1));
            let correction = Correction::Place.name();
            tracing::warn!(correction, %limit, holder, "freeing a left-over place");
            let queue = QueueRef::Limit(limit.clone());
            // Once the place is free it is due no more, and nobody repeats what follows.
            limits::announce(ports, &queue, IT_IS_FREE).await?;
            limits::free_as_read(ports, &read).await?;
            limits::release(ports, &queue, 1).await?;
            Ok(())
        }
    }
}

/// Judges the holder of a place; one that was not heard of is sent to submit-task again.
async fn holding<P: Ports>(ports: &P, place: &Place, now: Timestamp) -> Result<Holding, Trouble> {
    match &place.limit {
        LimitRef::Pool(_) | LimitRef::TeamTasks(_) | LimitRef::Steps(_) => {
            let Ok(key) = place.holder.parse::<AttemptKey>() else {
                tracing::error!(limit = %place.limit, holder = place.holder, "held by nobody known");
                return Ok(Holding::Alive);
            };
            let item = Key::Task(key.run.clone(), key.task.clone());
            let task = ports.store().get::<Task>(&item).await?;
            let task = task.map(|stored| stored.value);
            let holding = of_attempt(&key, task.as_ref(), now);
            if let (Holding::Unheard, Some(task)) = (holding, &task) {
                task::send(ports, task).await?;
            }
            Ok(holding)
        }
        LimitRef::TeamRuns(_) | LimitRef::WorkflowRuns(_) | LimitRef::Backfill(_) => {
            let run = RunId::from(place.holder.as_str());
            let run = ports.store().get::<Run>(&Key::Run(run)).await?;
            let holding = of_run(run.as_ref().map(|run| run.value.state));
            Ok(match holding {
                Holding::Alive if is_second(ports, place, now).await? => Holding::Over,
                Holding::Alive | Holding::Unheard | Holding::Over => holding,
            })
        }
    }
}

/// Whether the holder has another place of the limit, which counts: who looked for one, and slept before
/// it took it, may have taken a second. Only once the first is so old that nobody gives it back who
/// has just taken it.
async fn is_second<P: Ports>(ports: &P, place: &Place, now: Timestamp) -> Result<bool, Trouble> {
    let held = limits::held(ports, &place.limit).await?;
    let mut own = held.iter().filter(|one| one.value.holder == place.holder);
    Ok(own.next().is_some_and(|first| {
        first.value.number != place.number && AGAIN.after(first.value.since) <= now
    }))
}
