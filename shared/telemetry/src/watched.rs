//! A state table that is watched: what is committed is measured, and how long it took.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::metric::{Measurement, Metric};
use model::name::WorkflowRef;
use ports::{Body, CommitError, Expect, Meter, StateStore, StoreError, Stored, Versioned, Write};

use crate::change;

/// A meter that several adapters share.
pub type SharedMeter = Arc<dyn Meter + Send + Sync>;

/// How many items are remembered; handlers read what they write, so only few are ever needed.
const KEEP: usize = 10_000;

/// Passes everything on, and measures what changes once it has a meter.
pub struct Watched<S> {
    inner: S,
    meter: OnceLock<SharedMeter>,
    /// Items as they were last read or written here.
    seen: Mutex<HashMap<Place, (u64, Body)>>,
}

type Place = (String, String);

/// A write that is measured once it is committed.
struct Pending {
    place: Place,
    kind: &'static str,
    /// `None` when what was there before is not known, so that nothing can be told.
    before: Option<Option<Body>>,
    after: Body,
    version: u64,
}

impl<S> Watched<S> {
    /// Watches a table, and tells nobody yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            meter: OnceLock::new(),
            seen: Mutex::default(),
        }
    }

    /// Tells a meter from now on; a second one is told nothing.
    pub fn tell(&self, meter: SharedMeter) {
        // Whoever was there first stays.
        let _ = self.meter.set(meter);
    }

    fn note(&self, stored: &Stored) {
        if self.meter.get().is_some() && change::is_measured(&stored.kind) {
            let place = (stored.partition.to_string(), stored.sort.to_string());
            self.remember(place, stored.version, stored.body.clone());
        }
    }

    fn note_all<'a>(&self, stored: impl IntoIterator<Item = &'a Stored>) {
        for stored in stored {
            self.note(stored);
        }
    }

    fn remember(&self, place: Place, version: u64, body: Body) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= KEEP {
            seen.clear();
        }
        seen.insert(place, (version, body));
    }

    /// What would be told of writes.
    fn pending(&self, writes: &[Write]) -> Vec<Pending> {
        let measured = |write: &Write| match write {
            Write::Put { item, expect } if change::is_measured(item.kind) => {
                Some((item.clone(), *expect))
            }
            Write::Put { .. } | Write::Delete { .. } => None,
        };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = |(item, expect): (ports::Item, Expect)| {
            let place = place_of(&item.key);
            let known = seen.get(&place);
            let (before, version) = match expect {
                // It was the task's item until now, which the same commit changes on a condition.
                Expect::Anything => (was_of(&item.key, &seen).map(Some), 0),
                Expect::Absent => (Some(None), 1),
                Expect::AbsentThen(version) => (Some(None), version),
                Expect::Version(version) => {
                    let known = known.filter(|(read, _)| *read == version);
                    (known.map(|(_, body)| Some(body.clone())), version + 1)
                }
            };
            Pending {
                place,
                kind: item.kind,
                before,
                after: item.body,
                version,
            }
        };
        writes.iter().filter_map(measured).map(pending).collect()
    }

    /// Waits for a call and says how long it took.
    async fn timed<T>(&self, call: impl Future<Output = T>) -> T {
        let Some(meter) = self.meter.get() else {
            return call.await;
        };
        let began = Instant::now();
        let answer = call.await;
        let took = began.elapsed().as_secs_f64();
        meter.record(Measurement::of(Metric::StoreLatency, took, []));
        answer
    }
}

fn place_of(key: &Key) -> Place {
    (key.partition(), key.sort())
}

/// The task's item that becomes an attempt of the past.
fn was_of(key: &Key, seen: &HashMap<Place, (u64, Body)>) -> Option<Body> {
    let Key::PastAttempt(attempt) = key else {
        return None;
    };
    let task = Key::Task(attempt.run.clone(), attempt.task.clone());
    seen.get(&place_of(&task)).map(|(_, body)| body.clone())
}

/// The table itself, for what it can do besides.
impl<S> Deref for Watched<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.inner
    }
}

impl<S: StateStore> StateStore for Watched<S> {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let found = self.timed(self.inner.read(key)).await?;
        self.note_all(&found);
        Ok(found)
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let found = self.timed(self.inner.read_many(keys)).await?;
        self.note_all(found.iter().flatten());
        Ok(found)
    }

    async fn glance(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let found = self.timed(self.inner.glance(key)).await?;
        self.note_all(&found);
        Ok(found)
    }

    async fn glance_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let found = self.timed(self.inner.glance_many(keys)).await?;
        self.note_all(found.iter().flatten());
        Ok(found)
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let scan = self.inner.scan(partition, prefix, after, limit);
        let found = self.timed(scan).await?;
        self.note_all(&found);
        Ok(found)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let Some(meter) = self.meter.get() else {
            return self.inner.commit(writes).await;
        };
        let pending = self.pending(&writes);
        self.timed(self.inner.commit(writes)).await?;
        for one in pending {
            if let Some(before) = &one.before {
                for figure in change::figures(one.kind, before.as_ref(), &one.after) {
                    meter.record(figure);
                }
            }
            if one.version > 0 {
                self.remember(one.place, one.version, one.after);
            }
        }
        Ok(())
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        self.timed(self.inner.arrive(key, arrivals)).await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let found = self.timed(self.inner.due(until, limit)).await?;
        self.note_all(&found);
        Ok(found)
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let found = self
            .timed(self.inner.runs_of(workflow, from, to, limit))
            .await?;
        self.note_all(&found);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use model::id::{DefinitionHash, RunId};
    use model::name::{Name, TeamName};
    use model::run::{Cause, Run, RunState};
    use ports::TypedStore as _;
    use testkit::{MemoryStore, block_on, instant};

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<&'static str>>);

    impl Meter for Told {
        fn record(&self, measurement: Measurement) {
            if measurement.metric != Metric::StoreLatency {
                self.0.lock().unwrap().push(measurement.metric.name());
            }
        }
    }

    fn run(state: RunState) -> Run {
        let at = instant("2026-03-01T05:00:00Z");
        Run {
            run: RunId::from("weather--daily--2026-03-01"),
            team: TeamName::new("weather").unwrap(),
            workflow: Name::new("daily").unwrap(),
            slot: "2026-03-01".into(),
            logical_date: at,
            state,
            generation: 1,
            definition: DefinitionHash::from("hash"),
            definition_since: 1,
            cause: Cause::Schedule { late: false },
            params: std::collections::BTreeMap::new(),
            depth: 0,
            limits: Vec::new(),
            paused: false,
            created_at: at,
            started_at: Some(at),
            ended_at: None,
            reason: None,
            check_at: None,
            slow: None,
        }
    }

    #[test]
    fn what_is_committed_is_told_once_and_what_conflicts_is_not() {
        let store = Watched::new(MemoryStore::default());
        let told = Arc::new(Told::default());
        store.tell(Arc::clone(&told) as SharedMeter);
        let commit = |write: Write| block_on(store.commit(vec![write]));
        let new = |state| Write::put(&run(state), Expect::Absent);
        commit(new(RunState::Running)).unwrap();
        // A duplicate finds that it is there already.
        assert!(commit(new(RunState::Running)).is_err());
        let change = |state, version| Write::put(&run(state), Expect::Version(version));
        // Its own write is known without reading it again.
        commit(change(RunState::Succeeded, 1)).unwrap();
        assert!(commit(change(RunState::Succeeded, 1)).is_err());
        let read = block_on(store.get::<Run>(&Key::Run(run(RunState::Running).run)));
        let version = read.unwrap().unwrap().version;
        // It is written again, and nothing has happened.
        commit(change(RunState::Succeeded, version)).unwrap();
        let told = told.0.lock().unwrap().clone();
        assert_eq!(told, ["runs_started", "runs_succeeded"]);
    }
}
