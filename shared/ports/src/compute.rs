//! The compute services: EMR for clusters and steps, Batch for jobs.
//!
//! None of the submitting calls has an idempotency token (rule 9): the attempt's key is the name,
//! and a time-out is *unknown*, never a reason to call again.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::definition::Cluster;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use model::work::Submission;

/// Runs work at places and clusters to run it on.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Compute {
    /// Submits work at one place, in one call where the service can; one answer for each, in
    /// order. Never retries by itself.
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>>;

    /// Finds everything at the place that was submitted under this key.
    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError>;

    /// Describes submissions by id; unknown ids are left out. At most 100 ids.
    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError>;

    /// Lists what was submitted to an instance, newest first, until all of `wanted` were seen or
    /// the list ends. One page is enough while few steps are open.
    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError>;

    /// Asks the service to stop work. Asynchronous; whether it did is told by its events.
    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError>;

    /// Asks for an instance. Never retries by itself.
    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError>;

    /// Finds every instance created since then that bears one of murmur's names.
    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError>;

    /// Describes an instance, endpoint included; `None` when the service does not know it.
    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError>;

    /// Asks the service to end instances. Asynchronous; steps still open are cancelled.
    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError>;
}

/// An instance to bring up.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRequest {
    /// The EMR cluster's name and tag.
    pub instance: InstanceKey,
    pub cluster: Cluster,
}

/// Why a submission has no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It did not take effect; come back later, no budget is spent (rule 12).
    #[error("the service throttles: {reason}")]
    Throttled { reason: String },
    /// It did not take effect; the place takes no work (any more).
    #[error("the place takes no work: {reason}")]
    Gone { reason: String },
    /// It did not take effect and never will.
    #[error("the service refuses: {reason}")]
    Refused { reason: String },
    /// It may have taken effect.
    #[error("no answer: {reason}")]
    Unknown { reason: String },
}

/// A call that asks or stops did not succeed; safe to repeat.
#[derive(Debug, thiserror::Error)]
#[error("the compute service is unavailable: {reason}")]
pub struct ComputeError {
    pub reason: String,
}
