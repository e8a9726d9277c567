//! Steps of EMR clusters.

use std::collections::BTreeMap;

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{
    ActionOnFailure, HadoopJarStepConfig, StepConfig, StepState, StepSummary,
};
use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::WorkObservation;
use model::task::Place;
use ports::{ComputeError, Submission, SubmitError, Work};

use super::answer::{self, is_wrong, unavailable};
use super::{Named, clusters, once, timestamp};
use crate::Deployment;
use crate::envelope::{coded, step_state};

/// The jar with which EMR runs a program with arguments.
const COMMAND_RUNNER: &str = "command-runner.jar";
/// The most steps one call submits or cancels.
const STEPS: usize = 256;
/// The most steps one call lists by id.
const IDS: usize = 10;

/// Submits steps, those that run as one role in one call.
pub async fn submit(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    work: &[Submission],
) -> Vec<Result<SubmissionId, SubmitError>> {
    let mut calls: BTreeMap<Option<&str>, Vec<(usize, StepConfig)>> = BTreeMap::new();
    let mut answers = BTreeMap::new();
    for (number, work) in work.iter().enumerate() {
        match step(&emr.deployment, work) {
            Ok(step) => {
                calls
                    .entry(work.execution_role.as_deref())
                    .or_default()
                    .push((number, step));
            }
            Err(error) => {
                answers.insert(number, Err(error));
            }
        }
    }
    for (role, steps) in calls {
        for chunk in steps.chunks(STEPS) {
            let configs = chunk.iter().map(|(_, step)| step.clone()).collect();
            let ids = call(emr, cluster, role, configs).await;
            for (index, (number, _)) in chunk.iter().enumerate() {
                let answer = match &ids {
                    Ok(ids) => ids.get(index).cloned().ok_or_else(|| SubmitError::Unknown {
                        reason: "EMR gave fewer ids than it was given steps".into(),
                    }),
                    Err(error) => Err(error.clone()),
                };
                answers.insert(*number, answer);
            }
        }
    }
    answers.into_values().collect()
}

fn step(deployment: &Deployment, work: &Submission) -> Result<StepConfig, SubmitError> {
    let Work::Step { argv } = &work.work else {
        let reason = "a cluster takes steps only, this is a job".into();
        return Err(SubmitError::Refused { reason });
    };
    let jar = HadoopJarStepConfig::builder()
        .jar(COMMAND_RUNNER)
        .set_args(Some(argv.clone()));
    let step = StepConfig::builder()
        .name(deployment.name(&work.key))
        .action_on_failure(ActionOnFailure::Continue)
        .hadoop_jar_step(jar.build());
    Ok(step.build())
}

async fn call(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    role: Option<&str>,
    steps: Vec<StepConfig>,
) -> Result<Vec<SubmissionId>, SubmitError> {
    let request = emr
        .client()
        .add_job_flow_steps()
        .job_flow_id(cluster.as_str())
        .set_steps(Some(steps))
        .set_execution_role_arn(role.map(str::to_owned))
        .customize()
        .config_override(once::<aws_sdk_emr::config::Builder>());
    match Box::pin(request.send()).await {
        Ok(answer) => {
            let ids = answer.step_ids.unwrap_or_default();
            Ok(ids.into_iter().map(SubmissionId::from).collect())
        }
        Err(error) => match answer::submission(error) {
            // EMR says in one way that a step is wrong and that its cluster takes none.
            SubmitError::Refused { reason } => {
                Err(match clusters::takes_steps(emr, cluster).await {
                    Ok(true) => SubmitError::Refused { reason },
                    Ok(false) => SubmitError::Gone { reason },
                    // It did not take effect, and why is not known: it comes back.
                    Err(error) => SubmitError::Throttled {
                        reason: format!("{reason}; {error}"),
                    },
                })
            }
            other => Err(other),
        },
    }
}

/// Lists steps, newest first, until `enough` says so or the list ends.
pub async fn list(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    mut enough: impl FnMut(&[WorkObservation]) -> bool,
) -> Result<Vec<WorkObservation>, ComputeError> {
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let request = emr
            .client()
            .list_steps()
            .cluster_id(cluster.as_str())
            .set_marker(marker);
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            // A cluster nobody knows has no steps.
            Err(error) if is_wrong(&error) => return Ok(seen),
            Err(error) => return Err(unavailable(error)),
        };
        let page = answer.steps.unwrap_or_default();
        seen.extend(
            page.iter()
                .filter_map(|step| observation(emr, cluster, step)),
        );
        marker = answer.marker;
        if marker.is_none() || enough(&seen) {
            return Ok(seen);
        }
    }
}

/// Lists steps until all of these keys were seen.
pub async fn list_wanted(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    wanted: &[AttemptKey],
) -> Result<Vec<WorkObservation>, ComputeError> {
    let seen_all = |seen: &[WorkObservation]| {
        let mut wanted = wanted.iter();
        wanted.all(|key| seen.iter().any(|one| one.key == *key))
    };
    list(emr, cluster, seen_all).await
}

/// Describes steps by id; unknown ones are left out.
pub async fn describe(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    ids: &[SubmissionId],
) -> Result<Vec<WorkObservation>, ComputeError> {
    let mut found = Vec::new();
    for chunk in ids.chunks(IDS) {
        if let Some(page) = by_id(emr, cluster, chunk).await? {
            found.extend(page);
            continue;
        }
        // One that is unknown makes EMR refuse them all.
        for id in chunk {
            found.extend(
                by_id(emr, cluster, std::slice::from_ref(id))
                    .await?
                    .into_iter()
                    .flatten(),
            );
        }
    }
    Ok(found)
}

async fn by_id(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    ids: &[SubmissionId],
) -> Result<Option<Vec<WorkObservation>>, ComputeError> {
    let ids = ids.iter().map(ToString::to_string).collect();
    let request = emr
        .client()
        .list_steps()
        .cluster_id(cluster.as_str())
        .set_step_ids(Some(ids));
    match Box::pin(request.send()).await {
        Ok(answer) => {
            let steps = answer.steps.unwrap_or_default();
            Ok(Some(
                steps
                    .iter()
                    .filter_map(|step| observation(emr, cluster, step))
                    .collect(),
            ))
        }
        Err(error) if is_wrong(&error) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// Asks to stop steps; those that have ended, and those of a cluster that has, are left alone.
pub async fn cancel(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    ids: &[SubmissionId],
) -> Result<(), ComputeError> {
    for chunk in ids.chunks(STEPS) {
        let ids = chunk.iter().map(ToString::to_string).collect();
        let request = emr
            .client()
            .cancel_steps()
            .cluster_id(cluster.as_str())
            .set_step_ids(Some(ids));
        match Box::pin(request.send()).await {
            Ok(_) => {}
            Err(error) if is_wrong(&error) => {
                let error = unavailable(error);
                tracing::info!(%cluster, %error, "steps cannot be cancelled any more");
            }
            Err(error) => return Err(unavailable(error)),
        }
    }
    Ok(())
}

/// Reads a step; `None` when it is not this deployment's.
fn observation(
    emr: &Named<Client>,
    cluster: &EmrClusterId,
    step: &StepSummary,
) -> Option<WorkObservation> {
    let status = step.status()?;
    let state = status.state().map(StepState::as_str)?;
    let reason = status.state_change_reason().and_then(|reason| {
        coded(
            reason.code().map_or("", |code| code.as_str()),
            reason.message().unwrap_or(""),
        )
    });
    let failure = status.failure_details().and_then(|failure| {
        coded(
            failure.reason().unwrap_or(""),
            failure.message().unwrap_or(""),
        )
    });
    let times = status.timeline()?;
    let at = times
        .end_date_time()
        .or(times.start_date_time())
        .or(times.creation_date_time());
    Some(WorkObservation {
        key: emr.deployment.key(step.name()?)?,
        place: Place::Instance(cluster.clone()),
        submission: SubmissionId::from(step.id()?),
        state: step_state(state)?,
        reason: failure.or(reason),
        at: at.map_or(Timestamp::UNIX_EPOCH, timestamp),
    })
}
