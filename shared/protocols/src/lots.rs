//! Places of an instance's open steps, ten in one item (rule 15).
//!
//! A batch that submits together takes its places with one conditional put. Nobody writes when a
//! step ends: the place is free once the holder's task says that its attempt has ended, so the
//! task's own item, written anyway, frees it. Whoever needs room asks for that proof; reconcile
//! clears away what it finds.

use std::collections::{BTreeMap, BTreeSet};

use choreography::open_step::has_ended;
use choreography::place;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::key::Key;
use model::limit::{LimitRef, Lot, Place, SizedLimit};
use model::task::Task;
use ports::{CommitError, Ports, StateStore, StoreError, Trouble, TypedStore as _};
use ports::{Versioned, Write};

/// How many holders are asked for at once, oldest lots first.
const ASKED_AT_ONCE: usize = 50;

/// An attempt that wants a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    pub key: AttemptKey,
    /// The epoch of its claim: a former submitter of the attempt does not give this place back.
    pub epoch: u64,
    pub timeout_at: Option<Timestamp>,
}

/// A place in a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub limit: LimitRef,
    pub lot: u32,
    pub key: AttemptKey,
    pub epoch: u64,
}

/// A place that is held, with the holder's task as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub place: Place,
    pub key: AttemptKey,
    /// Of the claim by which it was taken.
    pub epoch: u64,
    pub task: Option<Task>,
}

impl Held {
    /// Whether the attempt may still run.
    pub fn is_open(&self) -> bool {
        !self
            .task
            .as_ref()
            .is_some_and(|task| has_ended(task, &self.key))
    }
}

/// Takes a place for each newcomer, as far as there are: for each its seat, or `None`. Taking again
/// gives the same places, and makes them those of the newer claims.
pub async fn take(
    ports: &impl Ports,
    sized: &SizedLimit,
    newcomers: &[Newcomer],
    now: Timestamp,
) -> Result<Vec<Option<Seat>>, Trouble> {
    let names: Vec<String> = newcomers.iter().map(|one| one.key.to_string()).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    'again: loop {
        let mut lots = read(ports.store(), &sized.limit).await?;
        let mut numbers = choose(&lots, sized, &wanted);
        let lacking = numbers.iter().filter(|number| number.is_none()).count();
        if lacking > 0 {
            clear_ended(ports.store(), &mut lots, lacking, Ask::Glance).await?;
            numbers = choose(&lots, sized, &wanted);
        }
        for ((newcomer, name), number) in newcomers.iter().zip(&names).zip(&mut numbers) {
            let own = lots.iter().find_map(|lot| lot.value.holders.get(name));
            // A newer claim of the attempt sits there: this one slept through its lease.
            *number = number.filter(|_| own.is_none_or(|epoch| *epoch <= newcomer.epoch));
        }
        let mut changed: BTreeMap<u32, Lot> = BTreeMap::new();
        for ((newcomer, name), number) in newcomers.iter().zip(&names).zip(&numbers) {
            let Some(number) = *number else { continue };
            let known = lots.iter().find(|lot| lot.value.number == number);
            let lot = changed.entry(number).or_insert_with(|| {
                known.map_or_else(|| empty(&sized.limit, number, now), |lot| lot.value.clone())
            });
            lot.since = now;
            lot.holders.insert(name.clone(), newcomer.epoch);
            if let Some(timeout_at) = newcomer.timeout_at {
                // What a former submitter submitted has run since then.
                lot.timeouts.entry(name.clone()).or_insert(timeout_at);
            }
        }
        for (number, lot) in changed {
            let known = lots.iter().find(|lot| lot.value.number == number);
            let write = Write::replace(&lot, known.map(|lot| lot.version));
            match ports.store().commit(vec![write]).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue 'again,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        let seat = |(newcomer, number): (&Newcomer, &Option<u32>)| {
            Some(Seat {
                limit: sized.limit.clone(),
                lot: (*number)?,
                key: newcomer.key.clone(),
                epoch: newcomer.epoch,
            })
        };
        return Ok(newcomers.iter().zip(&numbers).map(seat).collect());
    }
}

fn choose(lots: &[Versioned<Lot>], sized: &SizedLimit, wanted: &[&str]) -> Vec<Option<u32>> {
    let lots: Vec<Lot> = lots.iter().map(|lot| lot.value.clone()).collect();
    place::lots(&lots, sized.size, wanted)
}

fn empty(limit: &LimitRef, number: u32, now: Timestamp) -> Lot {
    Lot {
        limit: limit.clone(),
        number,
        holders: BTreeMap::new(),
        since: now,
        timeouts: BTreeMap::new(),
    }
}

/// Takes out holders that have ended, until there is room for so many. Nothing is written: whoever
/// sits down writes.
async fn clear_ended(
    store: &impl StateStore,
    lots: &mut [Versioned<Lot>],
    lacking: usize,
    ask: Ask,
) -> Result<(), StoreError> {
    let mut oldest: Vec<&mut Versioned<Lot>> = lots.iter_mut().collect();
    oldest.sort_by_key(|lot| lot.value.since);
    let mut cleared = 0;
    for lots in oldest.chunks_mut(ASKED_AT_ONCE / model::limit::LOT_PLACES as usize) {
        let names: Vec<String> = lots
            .iter()
            .flat_map(|lot| lot.value.holders.keys().cloned())
            .collect();
        let ended = ended(store, &names, ask).await?;
        for lot in lots {
            let before = lot.value.holders.len();
            lot.value.holders.retain(|name, _| !ended.contains(name));
            lot.value.timeouts.retain(|name, _| !ended.contains(name));
            cleared += before - lot.value.holders.len();
        }
        if cleared >= lacking {
            break;
        }
    }
    Ok(())
}

/// How holders' tasks are asked for. Who has ended stays so: a glance proves it, too. Only who must
/// not miss one that has just ended reads.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Glance,
    Read,
}

async fn ended(
    store: &impl StateStore,
    names: &[String],
    ask: Ask,
) -> Result<BTreeSet<String>, StoreError> {
    let keys: Vec<AttemptKey> = names.iter().filter_map(|name| name.parse().ok()).collect();
    let tasks = tasks(store, &keys, ask).await?;
    let ended = keys.iter().zip(tasks).filter(|(key, task)| {
        let task = task.as_ref();
        task.is_some_and(|task| has_ended(task, key))
    });
    Ok(ended.map(|(key, _)| key.to_string()).collect())
}

async fn tasks(
    store: &impl StateStore,
    keys: &[AttemptKey],
    ask: Ask,
) -> Result<Vec<Option<Task>>, StoreError> {
    let items: Vec<Key> = keys
        .iter()
        .map(|key| Key::Task(key.run.clone(), key.task.clone()))
        .collect();
    let stored = match ask {
        Ask::Glance => store.glance_many(&items).await?,
        Ask::Read => store.read_many(&items).await?,
    };
    let tasks = stored.into_iter().map(|stored| {
        let task: Option<Versioned<Task>> = stored.map(|stored| stored.read()).transpose()?;
        Ok(task.map(|task| task.value))
    });
    tasks.collect()
}

async fn read(
    store: &impl StateStore,
    limit: &LimitRef,
) -> Result<Vec<Versioned<Lot>>, StoreError> {
    store
        .list::<Lot>(&Key::limit_partition(limit), "lot#")
        .await
}

/// Reads who holds a place of a limit, ended or not.
pub async fn holders(
    store: &impl StateStore,
    limit: &LimitRef,
) -> Result<BTreeSet<String>, StoreError> {
    let lots = read(store, limit).await?;
    Ok(lots
        .into_iter()
        .flat_map(|lot| lot.value.holders.into_keys())
        .collect())
}

/// Reads the places of a limit that are taken, with a glance at the tasks of their holders: one that
/// has just ended may still look open, never the other way round.
pub async fn held(store: &impl StateStore, limit: &LimitRef) -> Result<Vec<Held>, StoreError> {
    let lots = read(store, limit).await?;
    let mut places = Vec::new();
    for lot in lots {
        let lot = lot.value;
        for (name, epoch) in &lot.holders {
            let Ok(key) = name.parse::<AttemptKey>() else {
                tracing::error!(%limit, holder = name, "held by nobody known");
                continue;
            };
            let place = Place {
                limit: limit.clone(),
                number: lot.number,
                holder: name.clone(),
                epoch: *epoch,
                since: lot.since,
                timeout_at: lot.timeouts.get(name).copied(),
                due_at: None,
            };
            places.push((place, key, *epoch));
        }
    }
    let keys: Vec<AttemptKey> = places.iter().map(|(_, key, _)| key.clone()).collect();
    let tasks = tasks(store, &keys, Ask::Glance).await?;
    let held = places.into_iter().zip(tasks);
    let held = held.map(|((place, key, epoch), task)| Held {
        place,
        key,
        epoch,
        task,
    });
    Ok(held.collect())
}

/// Reads the places whose holders have not ended.
pub async fn open(store: &impl StateStore, limit: &LimitRef) -> Result<Vec<Held>, StoreError> {
    let mut held = held(store, limit).await?;
    held.retain(Held::is_open);
    Ok(held)
}

/// Whether a limit has room for one more. Read strongly, lots and holders alike, so that who waits
/// and who ends do not miss each other (rule 16).
pub async fn has_room(store: &impl StateStore, sized: &SizedLimit) -> Result<bool, StoreError> {
    let mut lots = read(store, &sized.limit).await?;
    if choose(&lots, sized, &[""])[0].is_some() {
        return Ok(true);
    }
    clear_ended(store, &mut lots, 1, Ask::Read).await?;
    Ok(choose(&lots, sized, &[""])[0].is_some())
}

/// Whether a holder's task is not as it was glanced at.
pub async fn has_moved(store: &impl StateStore, held: &Held) -> Result<bool, StoreError> {
    let keys = std::slice::from_ref(&held.key);
    Ok(tasks(store, keys, Ask::Read).await? != [held.task.clone()])
}

/// Gives a place back that was not used, unless a newer claim of the attempt sits there by now.
pub async fn leave(ports: &impl Ports, seat: &Seat) -> Result<(), Trouble> {
    let name = seat.key.to_string();
    remove(ports, &seat.limit, seat.lot, &[(name, seat.epoch)]).await
}

/// Clears away an attempt from wherever it sits.
pub async fn vacate(ports: &impl Ports, limit: &LimitRef, key: &AttemptKey) -> Result<(), Trouble> {
    let name = key.to_string();
    for lot in read(ports.store(), limit).await? {
        if let Some(epoch) = lot.value.holders.get(&name) {
            remove(ports, limit, lot.value.number, &[(name.clone(), *epoch)]).await?;
        }
    }
    Ok(())
}

/// Clears away holders that have ended or are not there, unless they came anew.
pub async fn clear(ports: &impl Ports, gone: &[&Held]) -> Result<(), Trouble> {
    let mut by_lot: BTreeMap<(&LimitRef, u32), Vec<(String, u64)>> = BTreeMap::new();
    for held in gone {
        let lot = (&held.place.limit, held.place.number);
        let holders = by_lot.entry(lot).or_default();
        holders.push((held.place.holder.clone(), held.epoch));
    }
    for ((limit, number), holders) in by_lot {
        remove(ports, limit, number, &holders).await?;
    }
    Ok(())
}

async fn remove(
    ports: &impl Ports,
    limit: &LimitRef,
    number: u32,
    leaving: &[(String, u64)],
) -> Result<(), Trouble> {
    loop {
        let key = Key::Lot(limit.clone(), number);
        let Some(read) = ports.store().get::<Lot>(&key).await? else {
            return Ok(());
        };
        let mut lot = read.value.clone();
        for (name, epoch) in leaving {
            if lot.holders.get(name) == Some(epoch) {
                lot.holders.remove(name);
                lot.timeouts.remove(name);
            }
        }
        if lot == read.value {
            return Ok(());
        }
        // An empty lot stays: who read one that was made anew would take it for the old one.
        let write = Write::replace(&lot, Some(read.version));
        match ports.store().commit(vec![write]).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
}
