//! The stand-in for EMR and Batch that really runs the work, as child processes of this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use model::id::EmrClusterId;
use ports::Clock;

use super::configuration::LocalConfiguration;
use super::database::{Database, DatabaseError};
use super::faults::Faults;
use super::process::THIS_PROGRAM;
use super::state::{State, StateError};
use super::supervise::SUPERVISE_VERB;
use super::turn::Turn;

/// Runs clusters, steps and jobs on this machine, with EMR's and Batch's shapes, limits and
/// habits. Remembers everything in `<data>/compute.db` and `<data>/work/`.
#[derive(Debug)]
pub struct ProcessCompute<C> {
    pub(super) clock: C,
    pub(super) services: Mutex<Services>,
}

/// Acknowledgements need no commit of their own: what is forgotten is only emitted once more.
const ACKNOWLEDGED_KEPT: usize = 64;

/// What stands behind the lock.
#[derive(Debug)]
pub(super) struct Services {
    pub configuration: LocalConfiguration,
    pub faults: Faults,
    pub data: PathBuf,
    pub supervisor: Vec<OsString>,
    pub database: Database,
    /// `None` after a failure: it is read again before anything else is done.
    pub state: Option<State>,
    /// Children whose end no longer matters, to be reaped.
    pub children: Vec<Child>,
    /// A call changed something, so the next look is due.
    pub look: bool,
    /// How many events were emitted since the engine started.
    pub emitted: u64,
    /// Acknowledged and not yet deleted; deleted with the next commit.
    pub acknowledged: Vec<u64>,
}

/// The compute cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{}: {source}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> Self {
        Self::State(error.into())
    }
}

impl<C: Clock> ProcessCompute<C> {
    /// Opens what this folder remembers and takes hold of all work that still runs. Only one
    /// engine may use a folder at a time; that is the caller's to ensure.
    pub fn open(
        data: &Path,
        configuration: LocalConfiguration,
        clock: C,
    ) -> Result<Self, OpenError> {
        let folder = |source| OpenError::Folder {
            path: data.to_owned(),
            source,
        };
        std::fs::create_dir_all(data).map_err(folder)?;
        // Work runs in folders of its own, where a relative path would mean another place.
        let data = data.canonicalize().map_err(folder)?;
        let supervisor = match &configuration.supervisor {
            Some(argv) => argv.clone(),
            // Also when the file was replaced by a newer one meanwhile.
            None => vec![THIS_PROGRAM.into(), SUPERVISE_VERB.into()],
        };
        let database = Database::open(&data.join("compute.db"))?;
        let state = State::load(&database, &data)?;
        let services = Services {
            faults: configuration.faults.clone(),
            configuration,
            data,
            supervisor,
            database,
            state: Some(state),
            children: Vec::new(),
            look: true,
            emitted: 0,
            acknowledged: Vec::new(),
        };
        Ok(Self {
            clock,
            services: Mutex::new(services),
        })
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Pulls a cluster's plug: it and its running steps are gone at once. False when it is not up
    /// or coming up.
    pub fn kill_cluster(&self, id: &EmrClusterId, reason: &str) -> Result<bool, StateError> {
        let now = self.clock.now();
        self.lock().change(now, |state, turn| {
            let Some(cluster) = state.clusters.get_mut(id) else {
                return false;
            };
            cluster.killed = Some(reason.into());
            turn.changes.clusters.push(cluster.clone());
            true
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Services> {
        // What a panic left half done in memory is not believed: everything is read again.
        self.services.lock().unwrap_or_else(|poisoned| {
            self.services.clear_poison();
            let mut services = PoisonError::into_inner(poisoned);
            services.forget();
            services
        })
    }
}

impl Services {
    /// What is going on, read again if need be.
    pub fn state(&mut self) -> Result<&mut State, StateError> {
        let Self {
            state,
            database,
            data,
            ..
        } = self;
        match state {
            Some(state) => Ok(state),
            none => Ok(none.insert(State::load(database, data)?)),
        }
    }

    /// Changes memory and commits. When that fails, memory is given up, so that it never says
    /// what the database does not.
    pub fn change<T>(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut State, &mut Turn<'_>) -> T,
    ) -> Result<T, StateError> {
        self.try_change(now, |state, turn| Ok(change(state, turn)))
            .map(|(value, _)| value)
    }

    /// Changes memory and commits, and hands back what is to be done now that it is durable.
    pub fn try_change<T>(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut State, &mut Turn<'_>) -> Result<T, StateError>,
    ) -> Result<(T, Vec<super::turn::Effect>), StateError> {
        self.state()?;
        let changed = self.change_and_commit(now, change);
        if changed.is_err() {
            self.forget();
        }
        changed
    }

    fn change_and_commit<T>(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut State, &mut Turn<'_>) -> Result<T, StateError>,
    ) -> Result<(T, Vec<super::turn::Effect>), StateError> {
        let Self {
            state: Some(state),
            configuration,
            faults,
            data,
            database,
            acknowledged,
            look,
            ..
        } = self
        else {
            unreachable!("it was read before");
        };
        let mut turn = Turn::begin(now, configuration, data, faults, state.next_sequence);
        let value = change(state, &mut turn)?;
        let Turn {
            mut changes,
            effects,
            ..
        } = turn;
        let changed = !changes.clusters.is_empty() || !changes.submissions.is_empty();
        if changed || acknowledged.len() >= ACKNOWLEDGED_KEPT {
            changes.acknowledged = acknowledged.clone();
            database.commit(&changes)?;
            acknowledged.clear();
            *look |= changed;
        }
        state.next_sequence = changes.next_sequence;
        for event in changes.events {
            state.events.insert(event.sequence, event.into());
        }
        Ok((value, effects))
    }

    /// Gives up what memory says.
    pub fn forget(&mut self) {
        if let Some(state) = self.state.take() {
            self.children.extend(state.into_children());
        }
        self.look = true;
    }

    /// Reaps children that have ended.
    pub fn reap(&mut self) {
        self.children
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}
