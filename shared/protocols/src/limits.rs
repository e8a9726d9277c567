//! Taking, freeing and waiting for places of limits (rules 15 and 16).
//!
//! Taking: a conditional put on a numbered place, so two takers never share one. Waiting: the
//! waiter is written first, then the limit is looked at again; freeing: the place goes first, then
//! the waiters are looked at. So no waiter sleeps beside a free place.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use choreography::place::{Seat, seat};
use model::Timestamp;
use model::key::Key;
use model::limit::{LimitRef, Place, PlaceRef, QueueRef, SizedLimit, Waiter};
use model::metric::{Measurement, Metric};
use model::record::Record as _;
use model::run::{Run, RunState};
use model::units::Seconds;
use ports::{
    Clock as _, CommitError, Expect, Outgoing, Ports, StateStore as _, Trouble, TypedStore as _,
    Write,
};
use ports::{EventBus as _, Versioned};

/// After how long reconcile asks for proof that a holder still runs.
const SUSPECT_AFTER: Seconds = Seconds::hours(1);

/// Who takes a place.
#[derive(Debug, Clone)]
pub struct Holder<'a> {
    /// An attempt key or a run id.
    pub name: &'a str,
    /// Of an attempt's claim, or the version of a run's item: with the instant it tells one time of
    /// taking from the next.
    pub epoch: u64,
    pub now: Timestamp,
    /// When its time-out is reached; only for open steps.
    pub timeout_at: Option<Timestamp>,
}

/// Takes a place, or takes over the one the holder has already; `None` when the limit is full.
///
/// Taking over is a write: whoever had taken it in the same name and gives it back
/// [as it was read](free_as_read) no longer can. From a newer epoch nobody takes over: who is refused
/// slept through its lease.
pub async fn take(
    ports: &impl Ports,
    limit: &SizedLimit,
    holder: &Holder<'_>,
) -> Result<Option<Versioned<Place>>, Trouble> {
    loop {
        let (mut place, is_new) = match sit(ports, limit, holder).await? {
            Some((place, _)) if place.value.epoch > holder.epoch => return Ok(None),
            Some(taken) => taken,
            None => return Ok(None),
        };
        if is_new {
            return Ok(Some(place));
        }
        place.value.epoch = holder.epoch;
        let write = Write::replace(&place.value, Some(place.version));
        match ports.store().commit(vec![write]).await {
            Ok(()) => {
                let version = place.version + 1;
                return Ok(Some(Versioned { version, ..place }));
            }
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
}

/// What came of taking a place of each limit.
#[derive(Debug)]
pub enum Seats {
    /// A place of each, as it was when it was found or taken.
    All(Vec<Versioned<Place>>),
    /// The first that is full; nothing is held.
    Full(SizedLimit),
}

/// Takes a place of each limit for a run, or none: gives back what it took and names the first that is
/// full. Who kept one limit's place while it waits for another would block those that need only the
/// first.
///
/// Whoever goes on with all seats commits [`confirmed`] with that: a duplicate that found a limit
/// full may have given the same places back meanwhile.
pub async fn take_each(
    ports: &impl Ports,
    wanted: &[SizedLimit],
    holder: &Holder<'_>,
) -> Result<Seats, Trouble> {
    let mut taken = Vec::new();
    for sized in wanted {
        match sit(ports, sized, holder).await? {
            Some(seat) => taken.push(seat),
            None => {
                give_back(ports, taken, holder.name).await?;
                return Ok(Seats::Full(sized.clone()));
            }
        }
    }
    let seats = taken.into_iter().map(|(place, _)| place);
    Ok(Seats::All(seats.collect()))
}

/// Gives back what was taken for a run, and what an earlier try has left. What was there already is the
/// run's own once that is active: others may have started it, under fewer limits.
async fn give_back(
    ports: &impl Ports,
    taken: Vec<(Versioned<Place>, bool)>,
    run: &str,
) -> Result<(), Trouble> {
    let (new, found): (Vec<_>, Vec<_>) = taken.into_iter().partition(|(_, is_new)| *is_new);
    let is_active = !found.is_empty() && {
        let run = ports.store().get::<Run>(&Key::Run(run.into())).await?;
        run.is_some_and(|run| run.value.state == RunState::Running)
    };
    let unused = new
        .into_iter()
        .chain(found.into_iter().filter(|_| !is_active));
    let unused: Vec<_> = unused.map(|(place, _)| place).collect();
    for place in &unused {
        free_as_read(ports, place).await?;
    }
    for place in unused {
        release(ports, &QueueRef::Limit(place.value.limit), 1).await?;
    }
    Ok(())
}

/// The writes that hold only if nobody has freed these places since they were read, and after
/// which nobody who read them earlier frees them.
pub fn confirmed(seats: &[Versioned<Place>]) -> impl Iterator<Item = Write> + '_ {
    let write = |place: &Versioned<Place>| Write::replace(&place.value, Some(place.version));
    seats.iter().map(write)
}

/// Finds the holder's place or takes one; says whether it is new.
async fn sit(
    ports: &impl Ports,
    limit: &SizedLimit,
    holder: &Holder<'_>,
) -> Result<Option<(Versioned<Place>, bool)>, Trouble> {
    loop {
        let mut held = held(ports, &limit.limit).await?;
        let places: Vec<Place> = held.iter().map(|place| place.value.clone()).collect();
        let number = match seat(&places, limit.size, holder.name) {
            Seat::Full => return Ok(None),
            Seat::Held(number) => {
                // It may have been released once more, for a place that it does not take.
                if held.len() < limit.size as usize {
                    release(ports, &QueueRef::Limit(limit.limit.clone()), 1).await?;
                }
                let own = held.iter().position(|place| place.value.number == number);
                return Ok(own.map(|own| (held.swap_remove(own), false)));
            }
            Seat::Free(number) => number,
        };
        let due_at = match limit.limit {
            LimitRef::Steps(_) => None,
            LimitRef::Pool(_)
            | LimitRef::TeamTasks(_)
            | LimitRef::TeamRuns(_)
            | LimitRef::WorkflowRuns(_)
            | LimitRef::Backfill(_) => Some(SUSPECT_AFTER.after(holder.now)),
        };
        let place = Place {
            limit: limit.limit.clone(),
            number,
            holder: holder.name.to_owned(),
            epoch: holder.epoch,
            since: holder.now,
            timeout_at: holder.timeout_at,
            due_at,
        };
        let version = first_version(&place.holder, place.epoch, place.since);
        let take = Write::put(&place, Expect::AbsentThen(version));
        match ports.store().commit(vec![take]).await {
            Ok(()) => {
                measure(ports, &place.limit, held.len() + 1);
                let value = place;
                return Ok(Some((Versioned { value, version }, true)));
            }
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
}

/// Says how many places of a pool or a quota are taken. The other limits come and go with what they
/// are of, and nobody watches them.
fn measure(ports: &impl Ports, limit: &LimitRef, used: usize) {
    match limit {
        LimitRef::Pool(_) | LimitRef::TeamTasks(_) | LimitRef::TeamRuns(_) => {
            let used = f64::from(u32::try_from(used).unwrap_or(u32::MAX));
            let limit = limit.to_string();
            ports
                .meter()
                .record(Measurement::of(Metric::LimitUsed, used, [limit.as_str()]));
        }
        LimitRef::WorkflowRuns(_) | LimitRef::Backfill(_) | LimitRef::Steps(_) => {}
    }
}

/// At which version a place or a waiter begins: another for each holder, epoch or version of the
/// holder's item, and instant. Who read it earlier, and was slow, must not remove the one that came since; and
/// an attempt may come twice in one millisecond, or by two clocks.
fn first_version(holder: &str, epoch: u64, at: Timestamp) -> u64 {
    let mut hasher = DefaultHasher::new();
    (holder, epoch, at.as_millisecond()).hash(&mut hasher);
    // Far from the largest number of any store.
    hasher.finish() & ((1 << 60) - 1)
}

/// Names a place.
pub fn reference(place: &Place) -> PlaceRef {
    PlaceRef {
        limit: place.limit.clone(),
        number: place.number,
    }
}

/// Frees a place unless anything was written to it since it was read.
pub async fn free_as_read(ports: &impl Ports, place: &Versioned<Place>) -> Result<(), Trouble> {
    let delete = Write::delete(place.value.key(), Expect::Version(place.version));
    match ports.store().commit(vec![delete]).await {
        // A conflict: somebody freed it for us, and another may have it by now; or it is needed.
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Frees what a run holds that has ended, and lets the next ones go. Does nothing to a run that
/// runs again: the places are read first, the run then, and whoever starts it again confirms its
/// places in the same commit (rule 16).
pub async fn free_run(ports: &impl Ports, ended: &Run) -> Result<(), Trouble> {
    for sized in &ended.limits {
        let held = held(ports, &sized.limit).await?;
        let (mut own, mut freed) = (held, 0);
        own.retain(|place| place.value.holder == ended.run.as_str());
        for place in own {
            let run = ports
                .store()
                .get::<Run>(&Key::Run(ended.run.clone()))
                .await?;
            if run.is_none_or(|run| run.value.state.is_terminal()) {
                free_as_read(ports, &place).await?;
                freed += 1;
            }
        }
        // Whoever freed it before may have crashed before it released anybody.
        release(ports, &QueueRef::Limit(sized.limit.clone()), freed.max(1)).await?;
    }
    Ok(())
}

/// Reads the places of a limit that are held.
pub async fn held(ports: &impl Ports, limit: &LimitRef) -> Result<Vec<Versioned<Place>>, Trouble> {
    Ok(ports
        .store()
        .list::<Place>(&Key::limit_partition(limit), "place#")
        .await?)
}

/// Frees the places that this holder, and nobody else, holds.
pub async fn free(ports: &impl Ports, places: &[PlaceRef], holder: &str) -> Result<(), Trouble> {
    for place in places {
        let key = Key::Place(place.limit.clone(), place.number);
        let Some(held) = ports.store().get::<Place>(&key).await? else {
            continue;
        };
        if held.value.holder != holder {
            continue;
        }
        free_as_read(ports, &held).await?;
    }
    Ok(())
}

/// Frees whatever places of a limit this holder has, when which ones is not known.
pub async fn free_all(ports: &impl Ports, limit: &LimitRef, holder: &str) -> Result<(), Trouble> {
    let places = held_by(ports, limit, holder).await?;
    free(ports, &places, holder).await
}

/// Finds whatever places of a limit this holder has.
pub async fn held_by(
    ports: &impl Ports,
    limit: &LimitRef,
    holder: &str,
) -> Result<Vec<PlaceRef>, Trouble> {
    let held = held(ports, limit).await?;
    let own = held
        .into_iter()
        .filter(|place| place.value.holder == holder);
    let places = own.map(|place| PlaceRef {
        limit: limit.clone(),
        number: place.value.number,
    });
    Ok(places.collect())
}

/// Leaves a waiter. The caller then looks again at what it waits for.
///
/// Who released an earlier waiter of the same holder, and was slow, must not remove this one: it
/// begins at a version of its own, for which the version of the holder's item is given.
pub async fn wait(ports: &impl Ports, waiter: &Waiter, version: u64) -> Result<(), Trouble> {
    let first = first_version(&waiter.holder, version, ports.clock().now());
    let fresh = Write::put(waiter, Expect::AbsentThen(first));
    match ports.store().commit(vec![fresh]).await {
        Ok(()) => Ok(()),
        // It waits already; a release that is under way must not count for both.
        Err(CommitError::Conflict) => Ok(ports
            .store()
            .commit(vec![Write::put(waiter, Expect::Anything)])
            .await?),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Removes a waiter that found what it waited for.
pub async fn leave(ports: &impl Ports, waiter: &Waiter) -> Result<(), Trouble> {
    let delete = Write::delete(waiter.key(), Expect::Anything);
    Ok(ports.store().commit(vec![delete]).await?)
}

/// Lets the next one go at each of these limits that has a free place. Whoever may have been
/// released by one of them and does not take its place says so here: the place would otherwise
/// stay free beside others who wait for it.
///
/// Only where a place is free: two who wait for different full limits would else wake each other
/// for ever.
pub async fn pass_on<'a>(
    ports: &impl Ports,
    limits: impl IntoIterator<Item = &'a SizedLimit>,
) -> Result<(), Trouble> {
    for sized in limits {
        if held(ports, &sized.limit).await?.len() < sized.size as usize {
            release(ports, &QueueRef::Limit(sized.limit.clone()), 1).await?;
        }
    }
    Ok(())
}

/// Sends the first waiter's message with a delay and leaves the waiter where it is: for whoever is
/// about to free a place and would not come back to release anybody after a crash.
pub async fn announce(ports: &impl Ports, queue: &QueueRef, delay: Seconds) -> Result<(), Trouble> {
    let partition = Key::queue_partition(queue);
    let first = ports.store().scan(&partition, "waiter#", None, 1).await?;
    let Some(stored) = first.first() else {
        return Ok(());
    };
    let waiter = stored.read::<Waiter>()?.value;
    let message = Outgoing {
        message: *waiter.message,
        delay,
    };
    Ok(ports.bus().send(waiter.inbox, vec![message]).await?)
}

/// Releases up to `count` waiters of a queue, first by priority, then by age; says how many.
///
/// A waiter's message is sent before its item goes, so a crash in between sends it twice, never
/// not at all. Who finds that another removed the item goes on to the next, so two places that are
/// freed at once release two waiters.
pub async fn release(ports: &impl Ports, queue: &QueueRef, count: usize) -> Result<usize, Trouble> {
    let mut released = 0;
    let mut after: Option<Arc<str>> = None;
    while released < count {
        let partition = Key::queue_partition(queue);
        let page = (count - released).min(100);
        let waiters = ports
            .store()
            .scan(&partition, "waiter#", after.as_deref(), page)
            .await?;
        let Some(last) = waiters.last() else { break };
        after = Some(last.sort.clone());
        for stored in &waiters {
            let waiter = stored.read::<Waiter>()?;
            let message = Outgoing::from(waiter.value.message.as_ref().clone());
            ports.bus().send(waiter.value.inbox, vec![message]).await?;
            let key = waiter.value.key();
            let delete = Write::delete(key, Expect::Version(waiter.version));
            match ports.store().commit(vec![delete]).await {
                Ok(()) => released += 1,
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }
    Ok(released)
}
