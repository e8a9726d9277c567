//! Batch jobs that have been open for long: the service is asked about them by the hundred.

use std::collections::BTreeMap;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{RunId, SubmissionId};
use model::message::{Function, Message};
use model::metric::Correction;
use model::observation::{WorkObservation, WorkState};
use model::task::{Place, Task, TaskState};
use model::units::Seconds;
use ports::{Compute as _, EventBus as _, Outgoing, Ports, Trouble};

use crate::runs;

/// How many ids DescribeJobs takes in one call.
const DESCRIBE_MAX: usize = 100;

/// After how long the service must know a job it gave an id for.
const KNOWN_BY: Seconds = Seconds::hours(1);

/// Jobs to be asked about, by queue.
#[derive(Default)]
pub(crate) struct Jobs {
    by_place: BTreeMap<Place, Vec<Job>>,
}

struct Job {
    key: AttemptKey,
    submission: SubmissionId,
    state: TaskState,
    since: Timestamp,
}

impl Jobs {
    /// Adds a task's newest attempt, if it is a job.
    pub fn add(&mut self, task: &Task) {
        let (Some(claim), Some(submission)) = (&task.claim, &task.submission) else {
            return;
        };
        if claim.instance.is_some() {
            return;
        }
        self.by_place
            .entry(claim.place.clone())
            .or_default()
            .push(Job {
                key: task.attempt_key(),
                submission: submission.clone(),
                state: task.state,
                since: task.submitted_at.unwrap_or(task.ready_at),
            });
    }

    /// Asks about all and tells observe-task what it has not heard. Returns the runs of which some
    /// job was not answered for.
    pub async fn ask<P: Ports>(self, ports: &P, now: Timestamp) -> Vec<(RunId, Trouble)> {
        let mut unanswered = Vec::new();
        for (place, jobs) in &self.by_place {
            for jobs in jobs.chunks(DESCRIBE_MAX) {
                if let Err(trouble) = tell(ports, place, jobs, now).await {
                    let asked = jobs.iter().map(|job| &job.key.run);
                    unanswered.extend(runs::unanswered(asked, &trouble));
                }
            }
        }
        unanswered
    }
}

async fn tell<P: Ports>(
    ports: &P,
    place: &Place,
    jobs: &[Job],
    now: Timestamp,
) -> Result<(), Trouble> {
    let ids: Vec<SubmissionId> = jobs.iter().map(|job| job.submission.clone()).collect();
    let described = ports.compute().describe(place, &ids).await?;
    let described: BTreeMap<&SubmissionId, &WorkObservation> = described
        .iter()
        .map(|seen| (&seen.submission, seen))
        .collect();
    let news = jobs
        .iter()
        .filter_map(|job| match described.get(&job.submission) {
            Some(seen) => is_news(job.state, seen.state).then(|| (*seen).clone()),
            None => unknown(place, job, now),
        });
    let news: Vec<WorkObservation> = news.collect();
    if news.is_empty() {
        return Ok(());
    }
    for seen in &news {
        ports.meter().record(Correction::Job.figure(1));
        tracing::warn!(
            correction = Correction::Job.name(),
            run = %seen.key.run,
            task = %seen.key.task,
            generation = seen.key.generation,
            attempt = seen.key.attempt,
            submission = %seen.submission,
            state = ?seen.state,
            "its event was lost"
        );
    }
    let news = news
        .into_iter()
        .map(|seen| Outgoing::from(Message::Work(seen)));
    let news: Vec<Outgoing> = news.collect();
    Ok(ports.bus().send(Function::ObserveTask, news).await?)
}

fn is_news(known: TaskState, seen: WorkState) -> bool {
    match seen {
        WorkState::Pending => false,
        WorkState::Running => known != TaskState::Running,
        WorkState::Succeeded
        | WorkState::Failed
        | WorkState::Cancelled
        | WorkState::Interrupted => true,
    }
}

/// A job the service does not know long after it gave the id is lost; that, too, is its answer.
fn unknown(place: &Place, job: &Job, now: Timestamp) -> Option<WorkObservation> {
    (KNOWN_BY.after(job.since) <= now).then(|| WorkObservation {
        key: job.key.clone(),
        place: place.clone(),
        submission: job.submission.clone(),
        state: WorkState::Interrupted,
        reason: Some("the service does not know it".to_owned()),
        at: now,
    })
}
