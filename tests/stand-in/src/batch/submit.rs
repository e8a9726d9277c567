//! SubmitJob.

use std::collections::BTreeMap;

use model::observation::WorkState;
use model::task::Place;
use model::units::Seconds;
use ports::{Compute as _, JobSpec, Submission, SubmitError, Work};
use serde_json::{Value, json};

use super::shape;
use crate::answer::Refusal;
use crate::read::{entries, text, texts};
use crate::world::{Job, World};
use crate::{events, names};

/// Characters of a name.
const NAME: usize = 128;
/// Bytes of a request.
const PAYLOAD: usize = 30 * 1024;
const DEPENDENCIES: usize = 20;
const ATTEMPTS: std::ops::RangeInclusive<u64> = 1..=10;

/// Takes a job.
pub fn submit(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    check(body)?;
    let queue = name_in(text(body, "jobQueue"), "job-queue/").to_owned();
    let (place, work) = (
        Place::Queue(queue.clone()),
        [submission(body, world.jobs.len() + 1)],
    );
    let answers = pollster::block_on(world.compute.submit(&place, &work));
    let answer = answers.into_iter().next();
    let id = match answer.expect("one job was submitted") {
        Ok(id) => id.to_string(),
        Err(SubmitError::Refused { reason }) => {
            let reason = reason.strip_prefix("ClientException: ").unwrap_or(&reason);
            return Err(Refusal::client(reason));
        }
        Err(error) => return Err(Refusal::of(500, "ServerException", error.to_string())),
    };
    let job = Job {
        id: id.clone(),
        asked: body.clone(),
        queue,
        state: WorkState::Pending,
        reason: None,
        created_ms: world.now_ms(),
        started_ms: None,
        ended_ms: None,
    };
    world.jobs.push(job);
    // Nothing is told of the submission itself; what is told first is that it could be run.
    events::job(world, world.jobs.len() - 1, "RUNNABLE");
    let arn = shape::job_arn(world, &id);
    Ok(json!({ "jobArn": arn, "jobName": body["jobName"], "jobId": id }))
}

fn check(body: &Value) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::client(message));
    let name = text(body, "jobName");
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let attempts = &body["retryStrategy"]["attempts"];
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || name.len() > NAME || !name.chars().all(allowed) {
        refuse(format!(
            "Job name should match valid pattern: up to {NAME} letters, digits, hyphens and underscores."
        ))
    } else if text(body, "jobQueue").is_empty() {
        refuse("jobQueue is required.".into())
    } else if text(body, "jobDefinition").is_empty() {
        refuse("jobDefinition is required.".into())
    } else if body.to_string().len() > PAYLOAD {
        refuse("Request payload must be less than 30 KiB.".into())
    } else if entries(body, "dependsOn").len() > DEPENDENCIES {
        refuse(format!("A job depends on at most {DEPENDENCIES} jobs."))
    } else if !attempts.is_null() && !attempts.as_u64().is_some_and(|it| ATTEMPTS.contains(&it)) {
        refuse("Retry attempts must be between 1 and 10.".into())
    } else if attempts.as_u64().is_some_and(|attempts| attempts > 1)
        || !entries(body, "dependsOn").is_empty()
    {
        refuse("The stand-in neither retries jobs nor lets them wait for others.".into())
    } else {
        Ok(())
    }
}

/// The job as the local compute has it.
fn submission(body: &Value, number: usize) -> Submission {
    let overrides = &body["containerOverrides"];
    let environment = entries(overrides, "environment").iter();
    let environment: BTreeMap<String, String> = environment
        .map(|one| (text(one, "name").to_owned(), text(one, "value").to_owned()))
        .collect();
    let narrow = |value: &Value| {
        value
            .as_u64()
            .map(|it| u32::try_from(it).unwrap_or(u32::MAX))
    };
    let command = texts(overrides, "command").into_iter();
    let definition = name_in(text(body, "jobDefinition"), "job-definition/");
    let unrevised = definition.split(':').next().unwrap_or(definition);
    let spec = JobSpec {
        definition: unrevised.to_owned(),
        command: command.map(str::to_owned).collect(),
        environment,
        array_size: narrow(&body["arrayProperties"]["size"]),
        share_identifier: body["shareIdentifier"].as_str().map(str::to_owned),
        ..JobSpec::default()
    };
    let timeout = body["timeout"]["attemptDurationSeconds"].as_u64();
    Submission {
        key: names::attempt(text(body, "jobName"), number),
        work: Work::Job(spec),
        timeout: timeout.map(Seconds),
        execution_role: None,
        tags: BTreeMap::new(),
    }
}

/// A name, given as it is or as an ARN.
pub fn name_in<'a>(text: &'a str, kind: &str) -> &'a str {
    text.split_once(kind).map_or(text, |(_, name)| name)
}
