//! The compute services of a platform: work and clusters live, end and die by a timeline.
//!
//! They know nothing of handlers: `ports` lets handlers call them, `World` carries their events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::{Endpoint, InstanceKey};
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;

/// How many steps EMR holds open on one cluster.
pub const STEPS: usize = 256;

/// What a service will say by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Work(WorkObservation),
    Cluster(ClusterObservation),
}

/// A piece of work.
#[derive(Debug, Clone)]
pub struct KnownWork {
    pub seen: WorkObservation,
    pub taken_at: Timestamp,
    /// Submitted by who held the claim, while its lease lasted.
    pub is_orderly: bool,
    ends_as: (WorkState, Option<&'static str>),
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct KnownCluster {
    pub seen: ClusterObservation,
    pub created_at: Timestamp,
    comes_up_as: ClusterState,
    is_ending: bool,
}

/// What will become of work, drawn when it is taken.
pub struct Fate {
    pub runs_at: Timestamp,
    pub ends_at: Timestamp,
    pub ends_as: (WorkState, Option<&'static str>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Runs(SubmissionId),
    Ends(SubmissionId),
    /// With the reason that was given.
    Stops(SubmissionId, String),
    ComesUp(EmrClusterId),
    Goes(EmrClusterId),
}

/// All services.
#[derive(Default)]
pub struct Services {
    pub work: BTreeMap<SubmissionId, KnownWork>,
    pub clusters: BTreeMap<EmrClusterId, KnownCluster>,
    by_key: BTreeMap<AttemptKey, Vec<SubmissionId>>,
    by_place: BTreeMap<Place, Vec<SubmissionId>>,
    live: BTreeSet<SubmissionId>,
    live_clusters: BTreeSet<EmrClusterId>,
    timeline: BTreeSet<(Timestamp, Due)>,
    events: VecDeque<Event>,
    ids: u32,
}

impl Services {
    /// When something happens next.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.timeline.first().map(|(at, _)| *at)
    }

    /// Lets everything happen that is due, and takes what the services say about it.
    pub fn go_on(&mut self, now: Timestamp) -> Vec<Event> {
        while self.timeline.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((at, due)) = self.timeline.pop_first() {
                self.happen(due, at);
            }
        }
        self.events.drain(..).collect()
    }

    fn happen(&mut self, due: Due, at: Timestamp) {
        match due {
            Due::Runs(id) => self.work_is(&id, WorkState::Running, None, at),
            Due::Ends(id) => {
                let (state, reason) = self.work[&id].ends_as;
                self.work_is(&id, state, reason, at);
            }
            Due::Stops(id, reason) => {
                // A terminated job has failed; a cancelled step is cancelled.
                let state = match self.work[&id].seen.place {
                    Place::Queue(_) => WorkState::Failed,
                    Place::Instance(_) => WorkState::Cancelled,
                };
                self.work_is(&id, state, Some(&reason), at);
            }
            Due::ComesUp(id) => {
                let state = self.clusters[&id].comes_up_as;
                self.cluster_is(&id, state, at);
            }
            Due::Goes(id) => self.cluster_is(&id, ClusterState::Terminated, at),
        }
    }

    fn work_is(
        &mut self,
        id: &SubmissionId,
        state: WorkState,
        reason: Option<&str>,
        at: Timestamp,
    ) {
        let work = self
            .work
            .get_mut(id)
            .expect("the timeline names what is there");
        if work.seen.state.is_terminal() || work.seen.state == state {
            return;
        }
        work.seen.state = state;
        work.seen.at = at;
        work.seen.reason = reason.map(str::to_owned);
        if state.is_terminal() {
            self.live.remove(id);
        }
        self.events.push_back(Event::Work(work.seen.clone()));
    }

    fn cluster_is(&mut self, id: &EmrClusterId, state: ClusterState, at: Timestamp) {
        let cluster = self
            .clusters
            .get_mut(id)
            .expect("the timeline names what is there");
        if cluster.seen.state.is_ending() || (cluster.is_ending && !state.is_ending()) {
            return;
        }
        cluster.seen.state = state;
        cluster.seen.at = at;
        cluster.seen.endpoint = state.is_up().then(|| Endpoint {
            master_dns: format!("{id}.compute.internal"),
            ..Endpoint::default()
        });
        // As in EMR, events do not tell the endpoint.
        let told = ClusterObservation {
            endpoint: None,
            ..cluster.seen.clone()
        };
        self.events.push_back(Event::Cluster(told));
        if state.is_ending() {
            self.live_clusters.remove(id);
            let place = Place::Instance(id.clone());
            for work in self.by_place.get(&place).cloned().unwrap_or_default() {
                self.work_is(&work, WorkState::Cancelled, None, at);
            }
        }
    }

    /// Whether a place takes work.
    pub fn takes_work(&self, place: &Place) -> bool {
        match place {
            Place::Queue(_) => true,
            Place::Instance(id) => {
                let cluster = self.clusters.get(id);
                cluster.is_some_and(|cluster| !cluster.is_ending && !cluster.seen.state.is_ending())
            }
        }
    }

    /// How much is open at a place.
    pub fn open_at(&self, place: &Place) -> usize {
        let there = self.by_place.get(place).into_iter().flatten();
        there.filter(|id| self.live.contains(*id)).count()
    }

    /// Takes work.
    pub fn take(
        &mut self,
        key: &AttemptKey,
        place: &Place,
        now: Timestamp,
        is_orderly: bool,
        fate: Fate,
    ) -> SubmissionId {
        self.ids += 1;
        let prefix = match place {
            Place::Instance(_) => "s",
            Place::Queue(_) => "job",
        };
        let id = SubmissionId::from(format!("{prefix}-{:05}", self.ids));
        let seen = WorkObservation {
            key: key.clone(),
            place: place.clone(),
            submission: id.clone(),
            state: WorkState::Pending,
            reason: None,
            at: now,
        };
        let known = KnownWork {
            seen,
            taken_at: now,
            is_orderly,
            ends_as: fate.ends_as,
        };
        self.work.insert(id.clone(), known);
        self.by_key.entry(key.clone()).or_default().push(id.clone());
        self.by_place
            .entry(place.clone())
            .or_default()
            .push(id.clone());
        self.live.insert(id.clone());
        self.timeline.insert((fate.runs_at, Due::Runs(id.clone())));
        self.timeline.insert((fate.ends_at, Due::Ends(id.clone())));
        id
    }

    /// Will stop work, if it is still there then.
    pub fn stop(&mut self, id: &SubmissionId, reason: &str, at: Timestamp) {
        if self.work.contains_key(id) {
            let stops = Due::Stops(id.clone(), reason.to_owned());
            self.timeline.insert((at, stops));
        }
    }

    /// Creates a cluster that comes up, or fails to.
    pub fn create(
        &mut self,
        instance: &InstanceKey,
        now: Timestamp,
        comes_up: (Timestamp, ClusterState),
    ) -> EmrClusterId {
        self.ids += 1;
        let id = EmrClusterId::from(format!("j-{:05}", self.ids));
        let seen = ClusterObservation {
            instance: instance.clone(),
            id: id.clone(),
            state: ClusterState::Starting,
            endpoint: None,
            reason: None,
            at: now,
        };
        let known = KnownCluster {
            seen,
            created_at: now,
            comes_up_as: comes_up.1,
            is_ending: false,
        };
        self.clusters.insert(id.clone(), known);
        self.live_clusters.insert(id.clone());
        self.timeline.insert((comes_up.0, Due::ComesUp(id.clone())));
        id
    }

    /// Will end a cluster that it was asked to end.
    pub fn end(&mut self, id: &EmrClusterId, at: Timestamp) {
        if let Some(cluster) = self.clusters.get_mut(id) {
            cluster.is_ending = true;
            self.timeline.insert((at, Due::Goes(id.clone())));
        }
    }

    /// Ends a cluster by itself, now.
    pub fn die(&mut self, id: &EmrClusterId, at: Timestamp) {
        self.cluster_is(id, ClusterState::TerminatedWithErrors, at);
    }

    /// Forgets work that has ended; says how much there was.
    pub fn forget_ended(&mut self) -> u64 {
        let before = self.work.len();
        let live = &self.live;
        self.work.retain(|id, _| live.contains(id));
        for of_place in self.by_place.values_mut() {
            of_place.retain(|id| live.contains(id));
        }
        self.by_key
            .retain(|_, of_key| of_key.iter().any(|id| live.contains(id)));
        (before - self.work.len()) as u64
    }

    /// Everything that was submitted under a key.
    pub fn of_key(&self, key: &AttemptKey) -> impl Iterator<Item = &KnownWork> {
        let ids = self.by_key.get(key).into_iter().flatten();
        ids.map(|id| &self.work[id])
    }

    /// Everything that was submitted at a place, oldest first.
    pub fn of_place(&self, place: &Place) -> impl DoubleEndedIterator<Item = &KnownWork> {
        let ids = self
            .by_place
            .get(place)
            .map(Vec::as_slice)
            .unwrap_or_default();
        ids.iter().map(|id| &self.work[id])
    }

    /// Work that has not ended.
    pub fn live(&self) -> impl Iterator<Item = &KnownWork> {
        self.live.iter().map(|id| &self.work[id])
    }

    /// Clusters that have not ended.
    pub fn live_clusters(&self) -> impl Iterator<Item = &KnownCluster> {
        self.live_clusters.iter().map(|id| &self.clusters[id])
    }
}
