//! Jobs: listed, described, cancelled, terminated.

use model::id::SubmissionId;
use model::observation::WorkState;
use model::task::Place;
use ports::Compute as _;
use serde_json::{Value, json};

use super::shape;
use super::submit::name_in;
use crate::answer::Refusal;
use crate::read::{entries, page, text, texts};
use crate::world::{Job, World};

/// Entries of a page, unless fewer are asked for.
const PAGE: u64 = 100;
/// The most jobs one call describes.
const IDS: usize = 100;

/// Jobs of a queue: those that run, those in one state, or those that pass a filter.
pub fn list(world: &World, body: &Value) -> Result<Value, Refusal> {
    if text(body, "jobQueue").is_empty() {
        let message = "Exactly one of jobQueue, arrayJobId and multiNodeJobId is required.";
        return Err(Refusal::client(message));
    }
    let queue = name_in(text(body, "jobQueue"), "job-queue/");
    let filters = entries(body, "filters");
    if filters.len() > 1 {
        return Err(Refusal::client("Only one filter is supported."));
    }
    let state = match text(body, "jobStatus") {
        "" => "RUNNING",
        state => state,
    };
    let passes = |job: &Job| match filters.first() {
        None => Ok(shape::status(job) == state),
        Some(filter) => passes(filter, job),
    };
    let mut found = Vec::new();
    for job in world.jobs.iter().rev().filter(|job| job.queue == queue) {
        if passes(job)? {
            found.push(job);
        }
    }
    let size = body["maxResults"].as_u64().unwrap_or(PAGE).clamp(1, PAGE);
    let size = usize::try_from(size).expect("it is at most a page");
    let page = page(found, &body["nextToken"], size)
        .ok_or_else(|| Refusal::client("nextToken is not valid."))?;
    let jobs = page.entries.into_iter();
    let jobs: Vec<Value> = jobs.map(|job| shape::summary(world, job)).collect();
    let mut answer = json!({ "jobSummaryList": jobs });
    if let Some(next) = page.next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}

/// Names are compared without their case, and a star at the end stands for any rest.
fn passes(filter: &Value, job: &Job) -> Result<bool, Refusal> {
    let values = texts(filter, "values");
    let named = |wanted: &str, name: &str| {
        let (wanted, name) = (wanted.to_ascii_lowercase(), name.to_ascii_lowercase());
        match wanted.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == wanted,
        }
    };
    match text(filter, "name") {
        "JOB_NAME" => Ok(values.iter().any(|wanted| named(wanted, job.name()))),
        "JOB_DEFINITION" => {
            let definition = name_in(text(&job.asked, "jobDefinition"), "job-definition/");
            Ok(values.iter().any(|wanted| named(wanted, definition)))
        }
        other => Err(Refusal::client(format!("The filter {other} is not valid."))),
    }
}

/// Jobs by id; unknown ones are left out.
pub fn describe(world: &World, body: &Value) -> Result<Value, Refusal> {
    let ids = texts(body, "jobs");
    if ids.is_empty() || ids.len() > IDS {
        return Err(Refusal::client(format!(
            "Specify between 1 and {IDS} jobs."
        )));
    }
    let jobs = world
        .jobs
        .iter()
        .filter(|job| ids.contains(&job.id.as_str()));
    let jobs: Vec<Value> = jobs.map(|job| shape::detail(world, job)).collect();
    Ok(json!({ "jobs": jobs }))
}

/// Stops a job that has not begun; others go on.
pub fn cancel(world: &World, body: &Value) -> Result<Value, Refusal> {
    stop(world, body, |job| job.state == WorkState::Pending)
}

/// Stops a job, whatever it does.
pub fn terminate(world: &World, body: &Value) -> Result<Value, Refusal> {
    stop(world, body, |_| true)
}

fn stop(world: &World, body: &Value, may: impl Fn(&Job) -> bool) -> Result<Value, Refusal> {
    let (id, reason) = (text(body, "jobId"), text(body, "reason"));
    if id.is_empty() || reason.is_empty() {
        return Err(Refusal::client("jobId and reason are required."));
    }
    let job = world.jobs.iter().find(|job| job.id == id);
    let Some(job) = job.filter(|job| !job.state.is_terminal() && may(job)) else {
        return Ok(json!({}));
    };
    let place = Place::Queue(job.queue.clone());
    let ids = [SubmissionId::from(id)];
    let asked = pollster::block_on(world.compute.cancel(&place, &ids, reason));
    asked.map_err(|error| Refusal::of(500, "ServerException", error.to_string()))?;
    Ok(json!({}))
}
