//! One look at everything at one instant: what changes, and what is to be done once the changes
//! are durable.

use std::path::Path;

use model::Timestamp;
use model::message::{Function, Message};
use rustix::process::Signal;

use super::configuration::LocalConfiguration;
use super::database::{Changes, Event};
use super::faults::Faults;
use super::record::{ClusterRow, SubmissionRow};

/// Gathers the changes of one look.
#[derive(Debug)]
pub struct Turn<'a> {
    pub now: Timestamp,
    pub configuration: &'a LocalConfiguration,
    pub data: &'a Path,
    faults: &'a Faults,
    pub changes: Changes,
    pub effects: Vec<Effect>,
}

/// What is done to processes after the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Start {
        sequence: u64,
        index: u32,
    },
    Signal {
        sequence: u64,
        index: u32,
        signal: Signal,
    },
}

impl<'a> Turn<'a> {
    /// Begins a look.
    pub fn begin(
        now: Timestamp,
        configuration: &'a LocalConfiguration,
        data: &'a Path,
        faults: &'a Faults,
        next_sequence: u64,
    ) -> Self {
        let changes = Changes {
            next_sequence,
            ..Changes::default()
        };
        Self {
            now,
            configuration,
            data,
            faults,
            changes,
            effects: Vec::new(),
        }
    }

    /// Takes the next number.
    pub fn next_sequence(&mut self) -> u64 {
        let sequence = self.changes.next_sequence;
        self.changes.next_sequence += 1;
        sequence
    }

    /// Keeps a cluster's new state and tells of it.
    pub fn cluster_changed(&mut self, cluster: &ClusterRow) {
        self.changes.clusters.push(cluster.clone());
        let message = Message::Cluster(cluster.observation());
        self.announce(Function::RecordCluster, message);
    }

    /// Keeps a submission's new state and tells of it.
    pub fn submission_changed(&mut self, submission: &SubmissionRow) {
        self.changes.submissions.push(submission.clone());
        let message = Message::Work(submission.observation());
        self.announce(Function::ObserveTask, message);
    }

    fn announce(&mut self, inbox: Function, message: Message) {
        let times = match (self.faults.drop_events, self.faults.duplicate_events) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        let delay = self.faults.delay_events;
        let due = (delay.0 > 0).then(|| delay.after(self.now));
        for _ in 0..times {
            let event = Event {
                sequence: self.next_sequence(),
                due,
                inbox,
                message: message.clone(),
            };
            self.changes.events.push(event);
        }
    }
}
