//! Batch jobs.

use aws_sdk_batch::Client;
use aws_sdk_batch::types::{
    ArrayProperties, ContainerOverrides, JobDetail, JobSummary, JobTimeout, KeyValuePair,
    KeyValuesPair, ResourceRequirement, ResourceType, RetryStrategy,
};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::SubmissionId;
use model::observation::WorkObservation;
use model::task::Place;
use ports::{ComputeError, JobSpec, Submission, SubmitError, Work};

use super::answer::{self, is_wrong, unavailable};
use super::{DEPLOYMENT_TAG, Named, once};
use crate::envelope::{job_reason, job_state};

/// The shortest time-out Batch takes, in seconds.
const SHORTEST_TIMEOUT_S: u64 = 60;
/// The longest reason Batch takes, in characters.
const REASON: usize = 1000;

/// Submits a job. Batch itself never tries again: attempts are counted by murmur.
pub async fn submit(
    batch: &Named<Client>,
    queue: &str,
    work: &Submission,
) -> Result<SubmissionId, SubmitError> {
    let Work::Job(job) = &work.work else {
        let reason = "a queue takes jobs only, this is a step".into();
        return Err(SubmitError::Refused { reason });
    };
    let timeout = work.timeout.map(|timeout| {
        let seconds = i32::try_from(timeout.0.max(SHORTEST_TIMEOUT_S)).unwrap_or(i32::MAX);
        JobTimeout::builder()
            .attempt_duration_seconds(seconds)
            .build()
    });
    let array = job.array_size.map(|size| {
        ArrayProperties::builder()
            .size(i32::try_from(size).unwrap_or(i32::MAX))
            .build()
    });
    let priority = job
        .share_priority
        .and_then(|priority| i32::try_from(priority).ok());
    let mut request = batch
        .client()
        .submit_job()
        .job_name(batch.deployment.name(&work.key))
        .job_queue(queue)
        .job_definition(&job.definition)
        .container_overrides(overrides(job))
        .retry_strategy(RetryStrategy::builder().attempts(1).build())
        .set_timeout(timeout)
        .set_array_properties(array)
        .set_share_identifier(job.share_identifier.clone())
        .set_scheduling_priority_override(priority);
    for (name, value) in &job.parameters {
        request = request.parameters(name, value);
    }
    request = request.tags(DEPLOYMENT_TAG, batch.deployment.as_str());
    for (name, value) in &work.tags {
        request = request.tags(name, value);
    }
    let request = request
        .customize()
        .config_override(once::<aws_sdk_batch::config::Builder>());
    let answer = Box::pin(request.send()).await.map_err(answer::submission)?;
    // The SDK reads an id that is missing as an empty one.
    let id = answer.job_id.filter(|id| !id.is_empty());
    id.map(SubmissionId::from)
        .ok_or_else(|| SubmitError::Unknown {
            reason: "Batch gave no id".into(),
        })
}

fn overrides(job: &JobSpec) -> ContainerOverrides {
    let command = (!job.command.is_empty()).then(|| job.command.clone());
    let environment = job.environment.iter();
    let environment: Vec<KeyValuePair> = environment
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build())
        .collect();
    let needs = |kind, value: String| {
        ResourceRequirement::builder()
            .r#type(kind)
            .value(value)
            .build()
    };
    let resources = [
        job.vcpus
            .clone()
            .map(|vcpus| needs(ResourceType::Vcpu, vcpus)),
        job.memory_mib
            .map(|memory| needs(ResourceType::Memory, memory.to_string())),
        job.gpus
            .map(|gpus| needs(ResourceType::Gpu, gpus.to_string())),
    ];
    let resources: Vec<ResourceRequirement> = resources.into_iter().flatten().collect();
    ContainerOverrides::builder()
        .set_command(command)
        .set_environment((!environment.is_empty()).then_some(environment))
        .set_resource_requirements((!resources.is_empty()).then_some(resources))
        .build()
}

/// Finds every job of a queue under a name, in whatever state.
pub async fn find(
    batch: &Named<Client>,
    queue: &str,
    key: &AttemptKey,
) -> Result<Vec<WorkObservation>, ComputeError> {
    let filter = KeyValuesPair::builder()
        .name("JOB_NAME")
        .values(batch.deployment.name(key))
        .build();
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = batch
            .client()
            .list_jobs()
            .job_queue(queue)
            .filters(filter.clone());
        let request = request.set_next_token(token);
        let answer = Box::pin(request.send()).await.map_err(unavailable)?;
        let jobs = answer.job_summary_list.unwrap_or_default();
        let jobs = jobs.iter().filter_map(|job| listed(batch, queue, job));
        // The service compares names without their case.
        found.extend(jobs.filter(|job| job.key == *key));
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Describes at most 100 jobs by id; unknown ones are left out.
pub async fn describe(
    batch: &Named<Client>,
    queue: &str,
    ids: &[SubmissionId],
) -> Result<Vec<WorkObservation>, ComputeError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let jobs = ids.iter().map(ToString::to_string).collect();
    let request = batch.client().describe_jobs().set_jobs(Some(jobs));
    let answer = Box::pin(request.send()).await.map_err(unavailable)?;
    let jobs = answer.jobs.unwrap_or_default();
    Ok(jobs
        .iter()
        .filter_map(|job| described(batch, queue, job))
        .collect())
}

/// Asks to stop jobs, whatever state they are in; those that have ended are left alone.
pub async fn cancel(
    batch: &Named<Client>,
    ids: &[SubmissionId],
    reason: &str,
) -> Result<(), ComputeError> {
    let reason: String = reason.chars().take(REASON).collect();
    for id in ids {
        let request = batch
            .client()
            .terminate_job()
            .job_id(id.as_str())
            .reason(&reason);
        match Box::pin(request.send()).await {
            Ok(_) => {}
            Err(error) if is_wrong(&error) => {
                let error = unavailable(error);
                tracing::info!(%id, %error, "a job cannot be terminated any more");
            }
            Err(error) => return Err(unavailable(error)),
        }
    }
    Ok(())
}

fn listed(batch: &Named<Client>, queue: &str, job: &JobSummary) -> Option<WorkObservation> {
    let container = job.container();
    Some(WorkObservation {
        key: batch.deployment.key(job.job_name()?)?,
        place: Place::Queue(queue.to_owned()),
        submission: SubmissionId::from(job.job_id()?),
        state: job_state(job.status()?.as_str())?,
        reason: job_reason(
            job.status_reason().map(str::to_owned),
            container
                .and_then(|container| container.reason())
                .map(str::to_owned),
            container
                .and_then(|container| container.exit_code())
                .map(i64::from),
        ),
        at: latest([job.stopped_at(), job.started_at(), job.created_at()]),
    })
}

fn described(batch: &Named<Client>, queue: &str, job: &JobDetail) -> Option<WorkObservation> {
    let container = job.container();
    Some(WorkObservation {
        key: batch.deployment.key(job.job_name()?)?,
        place: Place::Queue(queue.to_owned()),
        submission: SubmissionId::from(job.job_id()?),
        state: job_state(job.status()?.as_str())?,
        reason: job_reason(
            job.status_reason().map(str::to_owned),
            container
                .and_then(|container| container.reason())
                .map(str::to_owned),
            container
                .and_then(|container| container.exit_code())
                .map(i64::from),
        ),
        at: latest([job.stopped_at(), job.started_at(), job.created_at()]),
    })
}

/// The first of these instants, in milliseconds, that there is.
fn latest(times_ms: [Option<i64>; 3]) -> Timestamp {
    let at_ms = times_ms.into_iter().flatten().next();
    let at = at_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    at.unwrap_or(Timestamp::UNIX_EPOCH)
}
