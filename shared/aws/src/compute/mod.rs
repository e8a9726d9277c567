//! EMR for clusters and steps, Batch for jobs.
//!
//! The calls that submit are made once each: no retry by the SDK, for none of them has an
//! idempotency token (rule 9). All other calls are safe to repeat, and the SDK does.

mod answer;
mod clusters;
mod job_flow;
mod jobs;
mod machines;
mod steps;

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use ports::{ClusterRequest, Compute, ComputeError, Submission, SubmitError};

use crate::Deployment;
use crate::secrets::TeamSecrets;

pub use job_flow::EmrSettings;

/// The tag that says whose a cluster or job is.
const DEPLOYMENT_TAG: &str = "murmur:deployment";
/// After how long a submission counts as not answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Runs work on EMR and Batch.
#[derive(Debug, Clone)]
pub struct EmrBatchCompute {
    emr: Named<aws_sdk_emr::Client>,
    batch: Named<aws_sdk_batch::Client>,
    clusters: Option<EmrSettings>,
    secrets: TeamSecrets,
}

/// A service, and whose names its work bears there.
#[derive(Debug, Clone)]
struct Named<C> {
    /// Made when it is first needed: most functions never call it.
    client: OnceLock<C>,
    make: fn(&SdkConfig) -> C,
    config: SdkConfig,
    deployment: Deployment,
}

impl<C> Named<C> {
    fn new(config: &SdkConfig, deployment: &Deployment, make: fn(&SdkConfig) -> C) -> Self {
        Self {
            client: OnceLock::new(),
            make,
            config: config.clone(),
            deployment: deployment.clone(),
        }
    }

    fn client(&self) -> &C {
        self.client.get_or_init(|| (self.make)(&self.config))
    }
}

impl EmrBatchCompute {
    /// Uses the services under a deployment's names; without what it gives every cluster, no
    /// cluster can be requested.
    pub fn new(config: &SdkConfig, deployment: &Deployment, clusters: Option<EmrSettings>) -> Self {
        Self {
            emr: Named::new(config, deployment, aws_sdk_emr::Client::new),
            batch: Named::new(config, deployment, aws_sdk_batch::Client::new),
            clusters,
            secrets: TeamSecrets::new(config),
        }
    }

    /// Calls the services with clients of one's own.
    pub fn with_clients(mut self, emr: aws_sdk_emr::Client, batch: aws_sdk_batch::Client) -> Self {
        self.emr.client = emr.into();
        self.batch.client = batch.into();
        self
    }
}

impl Compute for EmrBatchCompute {
    async fn submit(
        &self,
        place: &Place,
        work: &[Submission],
    ) -> Vec<Result<SubmissionId, SubmitError>> {
        match place {
            Place::Instance(cluster) => steps::submit(&self.emr, cluster, work).await,
            Place::Queue(queue) => {
                let mut answers = Vec::with_capacity(work.len());
                for one in work {
                    answers.push(jobs::submit(&self.batch, queue, one).await);
                }
                answers
            }
        }
    }

    async fn find(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        match place {
            Place::Instance(cluster) => {
                // The whole list: what was submitted under the key twice is there twice.
                let steps = steps::list(&self.emr, cluster, |_| false).await?;
                Ok(steps.into_iter().filter(|step| step.key == *key).collect())
            }
            Place::Queue(queue) => jobs::find(&self.batch, queue, key).await,
        }
    }

    async fn describe(
        &self,
        place: &Place,
        ids: &[SubmissionId],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        match place {
            Place::Instance(cluster) => steps::describe(&self.emr, cluster, ids).await,
            Place::Queue(queue) => jobs::describe(&self.batch, queue, ids).await,
        }
    }

    async fn list_steps(
        &self,
        cluster: &EmrClusterId,
        wanted: &[AttemptKey],
    ) -> Result<Vec<WorkObservation>, ComputeError> {
        steps::list_wanted(&self.emr, cluster, wanted).await
    }

    async fn cancel(
        &self,
        place: &Place,
        ids: &[SubmissionId],
        reason: &str,
    ) -> Result<(), ComputeError> {
        match place {
            Place::Instance(cluster) => steps::cancel(&self.emr, cluster, ids).await,
            Place::Queue(_) => jobs::cancel(&self.batch, ids, reason).await,
        }
    }

    async fn request_cluster(&self, request: &ClusterRequest) -> Result<EmrClusterId, SubmitError> {
        let Some(settings) = &self.clusters else {
            let reason = "this function was not told what every cluster is given".into();
            return Err(SubmitError::Refused { reason });
        };
        clusters::request(&self.emr, &self.secrets, settings, request).await
    }

    async fn list_clusters(
        &self,
        created_since: Timestamp,
    ) -> Result<Vec<ClusterObservation>, ComputeError> {
        clusters::list(&self.emr, created_since).await
    }

    async fn describe_cluster(
        &self,
        id: &EmrClusterId,
    ) -> Result<Option<ClusterObservation>, ComputeError> {
        clusters::describe(&self.emr, id).await
    }

    async fn terminate_clusters(&self, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
        clusters::terminate(&self.emr, ids).await
    }
}

/// Makes one call of a client go out at most once.
trait Once: Default {
    fn at_most_once(self, retries: RetryConfig, timeouts: TimeoutConfig) -> Self;
}

impl Once for aws_sdk_emr::config::Builder {
    fn at_most_once(self, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        self.retry_config(retries).timeout_config(timeouts)
    }
}

impl Once for aws_sdk_batch::config::Builder {
    fn at_most_once(self, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        self.retry_config(retries).timeout_config(timeouts)
    }
}

/// The settings of a call that submits.
fn once<B: Once>() -> B {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(ANSWER_WITHIN)
        .build();
    B::default().at_most_once(RetryConfig::disabled(), timeouts)
}

/// Reads an instant, to the millisecond.
fn timestamp(time: &aws_smithy_types::DateTime) -> Timestamp {
    let at = time
        .to_millis()
        .ok()
        .and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    at.unwrap_or(Timestamp::UNIX_EPOCH)
}
