//! What is going on right now: everything that has not ended, rebuilt from the database and the
//! work directories when the engine starts.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::Child;

use model::Timestamp;
use model::id::EmrClusterId;
use model::task::Place;
use model::units::Seconds;

use super::configuration::LocalConfiguration;
use super::database::{Database, DatabaseError, Event};
use super::directory::{Standing, WorkDirectory};
use super::process::{Process, ProcessError};
use super::record::{ClusterRow, SubmissionRow};

/// All that has not ended.
#[derive(Debug)]
pub struct State {
    pub clusters: BTreeMap<EmrClusterId, ClusterRow>,
    /// By sequence, which is the order in which they are taken up.
    pub open: BTreeMap<u64, Open>,
    /// By sequence.
    pub events: BTreeMap<u64, WaitingEvent>,
    pub next_sequence: u64,
}

/// An event that was not acknowledged.
#[derive(Debug)]
pub struct WaitingEvent {
    pub event: Event,
    /// Its number among the events emitted since the engine started.
    pub emitted: Option<u64>,
}

/// A submission that has not ended.
#[derive(Debug)]
pub struct Open {
    pub row: SubmissionRow,
    /// Processes not started yet, by index.
    pub pending: VecDeque<u32>,
    pub running: BTreeMap<u32, Unit>,
    pub failures: u32,
    /// When the last of its processes that have ended did.
    pub ended_at: Option<Timestamp>,
}

/// One process of a submission, from the decision to start it until its end is known.
#[derive(Debug)]
pub struct Unit {
    pub started_at: Timestamp,
    pub hold: Hold,
    pub stopping: Option<Stopping>,
}

/// The engine's hold on a process.
#[derive(Debug)]
pub enum Hold {
    /// To be started once that is committed.
    Starting,
    Started(Process),
    /// Its supervisor could not be started.
    Failed(String),
}

/// Signals to a process that is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopping {
    /// From when on SIGKILL is sent; SIGTERM before.
    pub kill_from: Timestamp,
    /// When to signal again.
    pub next_at: Timestamp,
    /// Whether any signal reached it.
    pub reached: bool,
}

/// What is going on cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl State {
    /// Reads what is going on: work that still runs is adopted, what never started is to start,
    /// what ended meanwhile is found ended at the next look.
    pub fn load(database: &Database, data: &Path) -> Result<Self, StateError> {
        let clusters = database.open_clusters()?.into_iter();
        let events = database.events()?.into_iter();
        let mut open = BTreeMap::new();
        for row in database.open_submissions()? {
            open.insert(row.sequence, Open::load(row, data)?);
        }
        Ok(Self {
            clusters: clusters.map(|row| (row.id.clone(), row)).collect(),
            open,
            events: events.map(|event| (event.sequence, event.into())).collect(),
            next_sequence: database.next_sequence()?,
        })
    }

    /// Submissions to a place.
    pub fn at<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Open> {
        self.open
            .values()
            .filter(move |open| open.row.place == *place)
    }

    /// Processes at work.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.open.values().flat_map(|open| open.running.values())
    }

    /// Gives up every hold; the children remain to be reaped.
    pub fn into_children(self) -> impl Iterator<Item = Child> {
        let units = self.open.into_values().flat_map(|open| open.running);
        units.filter_map(|(_, unit)| match unit.hold {
            Hold::Started(process) => process.into_child(),
            Hold::Starting | Hold::Failed(_) => None,
        })
    }
}

impl From<Event> for WaitingEvent {
    fn from(event: Event) -> Self {
        let emitted = None;
        Self { event, emitted }
    }
}

impl Open {
    /// A submission just taken.
    pub fn new(row: SubmissionRow) -> Self {
        Self {
            pending: row.units().collect(),
            row,
            running: BTreeMap::new(),
            failures: 0,
            ended_at: None,
        }
    }

    fn load(row: SubmissionRow, data: &Path) -> Result<Self, ProcessError> {
        let mut open = Self::new(row);
        if open.row.state == model::observation::WorkState::Pending {
            return Ok(open);
        }
        let mut pending = VecDeque::new();
        for index in open.row.units() {
            let directory = open.directory(data, index);
            let standing = directory.standing()?;
            if standing == Standing::NotStarted {
                pending.push_back(index);
                continue;
            }
            let command = directory.command()?;
            let unit = Unit {
                started_at: command.map_or(open.row.at, |command| command.started_at),
                hold: Hold::Started(Process::adopt(directory)?),
                stopping: None,
            };
            open.running.insert(index, unit);
        }
        open.pending = pending;
        Ok(open)
    }

    /// Sees to it that what was not started never will be. A supervisor started by an engine
    /// that is gone may still be on its way; then its command is stopped like any other.
    pub fn give_up_pending(&mut self, data: &Path, now: Timestamp) -> Result<(), ProcessError> {
        for index in std::mem::take(&mut self.pending) {
            let directory = self.directory(data, index);
            let Some(command) = directory.command()? else {
                continue;
            };
            if directory.claim()? {
                continue;
            }
            let unit = Unit {
                started_at: command.started_at.min(now),
                hold: Hold::Started(Process::adopt(directory)?),
                stopping: None,
            };
            self.running.insert(index, unit);
        }
        Ok(())
    }

    /// The directory of one of its processes.
    pub fn directory(&self, data: &Path, index: u32) -> WorkDirectory {
        let child = self.row.array_size.map(|_| index);
        WorkDirectory::of(data, &self.row.key, &self.row.id, child)
    }
}

impl Unit {
    /// When it has run for too long.
    pub fn overdue_at(&self, row: &SubmissionRow) -> Option<Timestamp> {
        row.timeout.map(|timeout| timeout.after(self.started_at))
    }
}

impl Stopping {
    /// Begins to stop a process.
    pub fn begin(now: Timestamp, grace: Seconds) -> Self {
        Self {
            kill_from: grace.after(now),
            next_at: now,
            reached: false,
        }
    }
}

/// How many processes run at once at a place.
pub fn concurrency(
    configuration: &LocalConfiguration,
    clusters: &BTreeMap<EmrClusterId, ClusterRow>,
    place: &Place,
) -> usize {
    match place {
        Place::Instance(id) => clusters
            .get(id)
            .filter(|cluster| cluster.state.is_up())
            .map_or(0, |cluster| cluster.step_concurrency.max(1)),
        Place::Queue(name) => configuration.queue_concurrency(name),
    }
}
