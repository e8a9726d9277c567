//! The compute services of a platform: work and clusters live, end and die, and their events come
//! late, twice or never.

use std::collections::BTreeMap;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::SubmissionId;
use model::message::{Function, Message};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use ports::Clock as _;
use ports::Compute as _;
use testkit::block_on;

use super::World;

/// What will become of a piece of work.
pub struct Fate {
    runs_at: Timestamp,
    ends_at: Timestamp,
}

/// Fates by submission.
pub type Fates = BTreeMap<SubmissionId, Fate>;

impl World {
    /// Lets the services go on to the present.
    pub(super) fn services_move(&mut self) {
        let now = self.now();
        for seen in self.shared.memory.compute.work() {
            if seen.state.is_terminal() {
                continue;
            }
            let (runs_at, ends_at) = self.fate(&seen, now);
            if ends_at <= now {
                let state = if self.fails(&seen.key) {
                    WorkState::Failed
                } else {
                    WorkState::Succeeded
                };
                self.work_is(&seen, state);
            } else if runs_at <= now && seen.state == WorkState::Pending {
                self.work_is(&seen, WorkState::Running);
            }
        }
        if self.dice.percent(40) {
            let (clusters, work) = self.shared.memory.compute.settle();
            clusters
                .into_iter()
                .for_each(|seen| self.cluster_event(seen));
            work.into_iter().for_each(|seen| self.work_event(seen));
        }
    }

    fn fate(&mut self, seen: &WorkObservation, now: Timestamp) -> (Timestamp, Timestamp) {
        let dice = &mut self.dice;
        let fate = self
            .fates
            .entry(seen.submission.clone())
            .or_insert_with(|| {
                let runs_at = Seconds(dice.below(60)).after(now);
                let lasts = if dice.percent(5) {
                    dice.below(4000)
                } else {
                    dice.below(600)
                };
                Fate {
                    runs_at,
                    ends_at: Seconds(lasts).after(runs_at),
                }
            });
        (fate.runs_at, fate.ends_at)
    }

    fn work_is(&mut self, seen: &WorkObservation, state: WorkState) {
        let told = self
            .shared
            .memory
            .compute
            .set_work(&seen.submission, state, None);
        self.work_event(told);
    }

    fn work_event(&mut self, seen: WorkObservation) {
        let now = self.now();
        self.shared
            .watch
            .note(now, || format!("{} is {:?}", seen.key, seen.state));
        // Batch events are durable; EMR's are not.
        let may_be_lost = match seen.place {
            Place::Instance(_) => true,
            Place::Queue(_) => false,
        };
        let lost = self.shared.watch.weather.get().lost_event;
        if !(may_be_lost && self.dice.percent(lost)) {
            self.post(Function::ObserveTask, Message::Work(seen));
        }
    }

    fn cluster_event(&mut self, mut seen: ClusterObservation) {
        seen.endpoint = None;
        let now = self.now();
        self.shared
            .watch
            .note(now, || format!("{} is {:?}", seen.instance, seen.state));
        let lost = self.shared.watch.weather.get().lost_event;
        if !self.dice.percent(lost) {
            self.post(Function::RecordCluster, Message::Cluster(seen));
        }
    }

    /// Perhaps a cluster dies under its work.
    pub(super) fn a_cluster_may_die(&mut self) {
        if !self.dice.percent(self.shared.watch.weather.get().dying) {
            return;
        }
        let since = Seconds::hours(48).before(self.now());
        let listed = block_on(self.shared.memory.compute.list_clusters(since));
        let mut living = listed.expect("nothing fails here");
        living.retain(|seen| !seen.state.is_ending());
        if living.is_empty() {
            return;
        }
        let id = living[self.dice.pick(living.len())].id.clone();
        let state = ClusterState::TerminatedWithErrors;
        let seen = self
            .shared
            .memory
            .compute
            .set_cluster(&id, state, Some("it died"));
        self.cluster_event(seen);
        // What ran there is gone with it.
        for work in self.shared.memory.compute.work() {
            if work.place == Place::Instance(id.clone()) && !work.state.is_terminal() {
                self.work_is(&work, WorkState::Cancelled);
            }
        }
    }

    /// Whether an attempt's work fails: some tasks of a generation always do, some at first.
    pub fn fails(&self, key: &AttemptKey) -> bool {
        let retried = self.scenery.retries(key) > 0;
        self.is_doomed(key) || (retried && key.attempt == 1 && draw(self.seed, key, 'r') < 25)
    }

    /// Whether every attempt of a task fails in its generation.
    pub fn is_doomed(&self, key: &AttemptKey) -> bool {
        draw(self.seed, key, 'd') < 15
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.memory.clock.now()
    }
}

/// A number below 100 that follows from a task in its generation.
fn draw(seed: u64, key: &AttemptKey, about: char) -> u64 {
    let named = format!("{seed}{about}{}{}{}", key.run, key.task, key.generation);
    let hash = model::id::digest([named.as_str()]);
    u64::from_str_radix(&hash[..8], 16).expect("a digest is hexadecimal") % 100
}
