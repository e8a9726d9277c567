//! What the scripted services know: clusters and work, and how both move.

use std::collections::{BTreeSet, VecDeque};

use model::Timestamp;
use model::cluster::{Endpoint, InstanceKey};
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::work::{Submission, Work};
use ports::SubmitError;

use super::{Call, SubmitAnswer};

#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) clusters: Vec<KnownCluster>,
    pub(super) work: Vec<KnownWork>,
    pub(super) calls: Vec<Call>,
    pub(super) submit_answers: VecDeque<SubmitAnswer>,
    pub(super) request_answers: VecDeque<SubmitAnswer>,
    pub(super) failing_lookups: u32,
    pub(super) ids: u32,
}

#[derive(Debug)]
pub(super) struct KnownCluster {
    pub(super) observation: ClusterObservation,
    pub(super) created_at: Timestamp,
    pub(super) ending: bool,
}

#[derive(Debug)]
pub(super) struct KnownWork {
    pub(super) observation: WorkObservation,
    pub(super) stopping: bool,
}

impl Services {
    pub(super) fn cluster(&mut self, id: &EmrClusterId) -> Option<&mut KnownCluster> {
        self.clusters
            .iter_mut()
            .find(|cluster| cluster.observation.id == *id)
    }

    pub(super) fn at(
        &self,
        place: &Place,
        wanted: impl Fn(&WorkObservation) -> bool,
    ) -> Vec<WorkObservation> {
        let there = self.work.iter().map(|work| &work.observation);
        there
            .filter(|work| work.place == *place && wanted(work))
            .cloned()
            .collect()
    }

    /// Refuses what EMR and Batch refuse: work of the other service, clusters that are not there.
    pub(super) fn check(&mut self, place: &Place, work: &Submission) -> Result<(), SubmitError> {
        match (place, &work.work) {
            (Place::Queue(_), Work::Job(_)) => Ok(()),
            (Place::Instance(id), Work::Step { .. }) => match self.cluster(id) {
                Some(cluster) if !cluster.ending && !cluster.observation.state.is_ending() => {
                    Ok(())
                }
                Some(_) | None => Err(SubmitError::Gone {
                    reason: format!("{id} takes no steps"),
                }),
            },
            (Place::Queue(_), Work::Step { .. }) | (Place::Instance(_), Work::Job(_)) => {
                Err(SubmitError::Refused {
                    reason: "work of the other service".into(),
                })
            }
        }
    }

    pub(super) fn take(&mut self, place: &Place, work: &Submission, at: Timestamp) -> SubmissionId {
        self.ids += 1;
        let prefix = match place {
            Place::Instance(_) => "s",
            Place::Queue(_) => "job",
        };
        let submission = SubmissionId::from(format!("{prefix}-{:05}", self.ids));
        let observation = WorkObservation {
            key: work.key.clone(),
            place: place.clone(),
            submission: submission.clone(),
            state: WorkState::Pending,
            reason: None,
            at,
        };
        self.work.push(KnownWork {
            observation,
            stopping: false,
        });
        submission
    }

    pub(super) fn create(
        &mut self,
        instance: &InstanceKey,
        state: ClusterState,
        created_at: Timestamp,
    ) -> EmrClusterId {
        self.ids += 1;
        let id = EmrClusterId::from(format!("j-{:05}", self.ids));
        let observation = ClusterObservation {
            instance: instance.clone(),
            id: id.clone(),
            state,
            endpoint: None,
            reason: None,
            at: created_at,
        };
        let mut cluster = KnownCluster {
            observation,
            created_at,
            ending: false,
        };
        cluster.set(state, None, created_at);
        self.clusters.push(cluster);
        id
    }

    pub(super) fn settle(
        &mut self,
        at: Timestamp,
    ) -> (Vec<ClusterObservation>, Vec<WorkObservation>) {
        let mut clusters = Vec::new();
        let mut gone = BTreeSet::new();
        for cluster in &mut self.clusters {
            let state = cluster.observation.state;
            let next = match (cluster.ending, state) {
                (true, ClusterState::Terminated | ClusterState::TerminatedWithErrors) => None,
                (true, _) | (false, ClusterState::Terminating) => Some(ClusterState::Terminated),
                (false, ClusterState::Starting | ClusterState::Bootstrapping) => {
                    Some(ClusterState::Waiting)
                }
                (false, _) => None,
            };
            if let Some(next) = next {
                cluster.set(next, None, at);
                clusters.push(cluster.observation.clone());
            }
            if cluster.observation.state.is_ending() {
                gone.insert(Place::Instance(cluster.observation.id.clone()));
            }
        }
        let mut ended = Vec::new();
        for work in &mut self.work {
            let stopped = work.stopping || gone.contains(&work.observation.place);
            if stopped && !work.observation.state.is_terminal() {
                work.set(WorkState::Cancelled, None, at);
                ended.push(work.observation.clone());
            }
        }
        (clusters, ended)
    }
}

impl KnownWork {
    pub(super) fn set(&mut self, state: WorkState, reason: Option<&str>, at: Timestamp) {
        self.observation.state = state;
        self.observation.reason = reason.map(str::to_owned);
        self.observation.at = at;
    }
}

impl KnownCluster {
    pub(super) fn set(&mut self, state: ClusterState, reason: Option<&str>, at: Timestamp) {
        let id = &self.observation.id;
        self.observation.endpoint = state.is_up().then(|| Endpoint {
            master_dns: format!("{id}.compute.internal"),
            ..Endpoint::default()
        });
        self.observation.state = state;
        self.observation.reason = reason.map(str::to_owned);
        self.observation.at = at;
    }
}
