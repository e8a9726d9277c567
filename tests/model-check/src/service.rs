//! The compute service of the model: jobs, and one instance of a cluster.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::id::SubmissionId;
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;

/// What the service has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Service {
    pub jobs: Vec<Job>,
    /// Submissions that it has taken and will execute some time.
    pub late: Vec<(Place, AttemptKey)>,
    pub cluster: Option<Cluster>,
    /// Whether work was lost when its instance was asked to end before the drain deadline.
    pub cut_off: bool,
}

/// A submission that was executed; its id is its place in the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    pub key: AttemptKey,
    pub place: Place,
    pub state: WorkState,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cluster {
    pub instance: InstanceKey,
    pub state: ClusterState,
}

/// What the service calls its instance.
pub const CLUSTER_ID: &str = "j-1";

/// The id of a job.
pub fn id(position: usize) -> SubmissionId {
    format!("s-{}", position + 1).into()
}

impl Service {
    /// Executes a submission; `None` when the place takes none any more.
    pub fn execute(&mut self, place: &Place, key: &AttemptKey) -> Option<SubmissionId> {
        let gone = match place {
            Place::Queue(_) => false,
            Place::Instance(_) => self.cluster.as_ref().is_none_or(|it| it.state.is_ending()),
        };
        if gone {
            return None;
        }
        self.jobs.push(Job {
            key: key.clone(),
            place: place.clone(),
            state: WorkState::Pending,
        });
        Some(id(self.jobs.len() - 1))
    }

    /// What it says of a job.
    pub fn seen(&self, position: usize, at: Timestamp) -> WorkObservation {
        let job = &self.jobs[position];
        WorkObservation {
            key: job.key.clone(),
            place: job.place.clone(),
            submission: id(position),
            state: job.state,
            reason: None,
            at,
        }
    }

    /// What it says of all jobs that match, newest first.
    pub fn list(
        &self,
        at: Timestamp,
        wanted: impl Fn(usize, &Job) -> bool,
    ) -> Vec<WorkObservation> {
        let jobs = self.jobs.iter().enumerate().rev();
        let matching = jobs.filter(|(position, job)| wanted(*position, job));
        matching
            .map(|(position, _)| self.seen(position, at))
            .collect()
    }

    /// What it says of its instance.
    pub fn cluster_seen(&self, at: Timestamp) -> Option<ClusterObservation> {
        let cluster = self.cluster.as_ref()?;
        Some(ClusterObservation {
            instance: cluster.instance.clone(),
            id: CLUSTER_ID.into(),
            state: cluster.state,
            endpoint: None,
            reason: None,
            at,
        })
    }

    /// The positions of jobs that have not ended.
    pub fn living(&self) -> impl Iterator<Item = usize> + '_ {
        let jobs = self.jobs.iter().enumerate();
        jobs.filter(|(_, job)| !job.state.is_terminal())
            .map(|(position, _)| position)
    }
}
