//! A compute that does nothing, for benchmarks: it takes work, gives it an id and says at the next
//! look that it ran and succeeded. It starts no process and writes nothing down.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::message::{Function, Message};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::work::Submission;
use ports::{Clock, ClusterRequest, Compute, ComputeError, SubmitError};

use super::identity;
use crate::compute_events::{LocalCompute, Mark, ObservationSink};

/// How many ended submissions can still be found and described.
const REMEMBERED: usize = 1024;

/// Completes all work at once.
#[derive(Debug)]
pub struct NothingCompute<C> {
    clock: C,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    sequence: u64,
    emitted: u64,
    /// Taken and not yet told of.
    fresh: Vec<WorkObservation>,
    /// Told of, oldest first.
    ended: VecDeque<WorkObservation>,
    /// Few, and all kept; those to be told of say so.
    clusters: Vec<(ClusterObservation, Told)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    NotYet,
}

impl<C: Clock> NothingCompute<C> {
    /// A compute that has never seen any work.
    pub fn new(clock: C) -> Self {
        Self {
            clock,
            memory: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Nothing here panics half way.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self, wanted: impl Fn(&WorkObservation) -> bool) -> Vec<WorkObservation> {
        let memory = self.lock();
        let newest_first = memory.fresh.iter().rev().chain(memory.ended.iter().rev());
        newest_first.filter(|one| wanted(one)).cloned().collect()
    }
}

impl<C: Clock> Compute for NothingCompute<C> {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        let at = self.clock.now();
        let mut memory = self.lock();
        let ids = work.iter().map(|submission| {
            let sequence = memory.next();
            let id = match place {
                Place::Instance(_) => identity::step(sequence),
                Place::Queue(_) => identity::job(sequence),
            };
            memory.fresh.push(WorkObservation {
                key: submission.key.clone(),
                place: place.clone(),
                submission: id.clone(),
                state: WorkState::Pending,
                reason: None,
                at,
            });
            Ok(id)
        });
        ids.collect()
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(self.recent(|one| one.key == *key && one.place == *place))
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        Ok(self.recent(|one| ids.contains(&one.submission) && one.place == *place))
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        _wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        let place = Place::Instance(cluster.clone());
        Ok(self.recent(|one| one.place == place))
    }

    /// All work has succeeded before anybody can stop it.
    async fn cancel(
        &self,
        _place: &Place,
        _ids: &[SubmissionId],
        _reason: &str,
    ) -> Result<(), ComputeError> {
        Ok(())
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        let at = self.clock.now();
        let mut memory = self.lock();
        let id = identity::cluster(memory.next());
        let up = ClusterObservation {
            instance: request.instance.clone(),
            id: id.clone(),
            state: ClusterState::Waiting,
            endpoint: None,
            reason: None,
            at,
        };
        memory.clusters.push((up, Told::NotYet));
        Ok(id)
    }

    async fn list_clusters(
        &self,
        _created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        let memory = self.lock();
        Ok(memory.clusters.iter().map(|(one, _)| one.clone()).collect())
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        let memory = self.lock();
        let found = memory.clusters.iter().find(|(one, _)| one.id == *id);
        Ok(found.map(|(one, _)| one.clone()))
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        let at = self.clock.now();
        let mut memory = self.lock();
        for (cluster, told) in &mut memory.clusters {
            if ids.contains(&cluster.id) && !cluster.state.is_ending() {
                cluster.state = ClusterState::Terminated;
                cluster.at = at;
                *told = Told::NotYet;
            }
        }
        Ok(())
    }
}

impl<C: Clock> LocalCompute for NothingCompute<C> {
    fn advance(
        &self,
        now: Timestamp,
        sink: &mut dyn ObservationSink,
    ) -> Result<Mark, ComputeError> {
        let mut memory = self.lock();
        let Memory {
            emitted,
            fresh,
            ended,
            clusters,
            ..
        } = &mut *memory;
        for (cluster, told) in clusters {
            if *told == Told::NotYet {
                *told = Told::Yes;
                *emitted += 1;
                sink.emit(Function::RecordCluster, Message::Cluster(cluster.clone()));
            }
        }
        for mut one in fresh.drain(..) {
            one.at = now;
            for state in [WorkState::Running, WorkState::Succeeded] {
                one.state = state;
                *emitted += 1;
                sink.emit(Function::ObserveTask, Message::Work(one.clone()));
            }
            if ended.len() == REMEMBERED {
                ended.pop_front();
            }
            ended.push_back(one);
        }
        Ok(Mark(*emitted))
    }

    /// Nothing is emitted twice: what was told of and lost with the engine is found by nobody.
    fn acknowledge(&self, _mark: Mark) -> Result<(), ComputeError> {
        Ok(())
    }

    fn in_flight(&self) -> usize {
        0
    }

    fn next_timer(&self) -> Option<Timestamp> {
        let memory = self.lock();
        let untold = memory
            .clusters
            .iter()
            .any(|(_, told)| *told == Told::NotYet);
        (untold || !memory.fresh.is_empty()).then(|| self.clock.now())
    }

    fn wait(&self, at_most: Duration) -> bool {
        std::thread::sleep(at_most);
        false
    }
}

impl Memory {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
