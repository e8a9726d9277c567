//! One line for each fact that is published: what was decided, about what, and why.
//!
//! Every line that a run's story is made of names its run in the field `run`, as these do. A fact that
//! is published again says the same again, under the same `event`.

use model::fact::{Fact, FactBody};
use model::id::{OperationId, RunId, SubmissionId};
use model::name::TaskName;

/// What a fact is about, as far as it is about that.
#[derive(Default)]
struct About<'a> {
    run: Option<&'a RunId>,
    task: Option<&'a TaskName>,
    generation: Option<u32>,
    attempt: Option<u32>,
    submission: Option<&'a SubmissionId>,
    instance: Option<String>,
    operation: Option<&'a OperationId>,
    reason: Option<&'a str>,
}

/// Whether anybody hears what is told.
pub fn is_heard() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

/// Tells a fact.
pub fn tell(fact: &Fact) {
    let about = about(&fact.body);
    tracing::info!(
        event = %fact.id,
        run = about.run.map(display),
        task = about.task.map(display),
        generation = about.generation,
        attempt = about.attempt,
        submission = about.submission.map(display),
        instance = about.instance,
        operation = about.operation.map(display),
        reason = about.reason,
        "{}",
        short(fact.body.type_name())
    );
}

/// `murmur.task.ready.v1` is `task.ready`.
fn short(fact_type: &str) -> &str {
    let name = fact_type.strip_prefix("murmur.").unwrap_or(fact_type);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}

fn about(body: &FactBody) -> About<'_> {
    match body {
        FactBody::RunWaiting(run)
        | FactBody::RunStarted(run)
        | FactBody::RunSucceeded(run)
        | FactBody::RunFailed(run)
        | FactBody::RunCancelled(run)
        | FactBody::RunSkipped(run) => About {
            run: Some(&run.run),
            generation: Some(run.generation),
            reason: run.reason.as_deref(),
            ..About::default()
        },
        FactBody::TaskReady(ready) => About {
            run: Some(&ready.run),
            task: Some(&ready.task),
            generation: Some(ready.generation),
            attempt: Some(ready.attempt),
            ..About::default()
        },
        FactBody::TaskStarted(task)
        | FactBody::TaskRetrying(task)
        | FactBody::TaskSucceeded(task)
        | FactBody::TaskFailed(task)
        | FactBody::TaskSkipped(task)
        | FactBody::TaskCancelled(task) => About {
            run: Some(&task.run),
            task: Some(&task.task),
            generation: Some(task.generation),
            attempt: Some(task.attempt),
            submission: task.submission.as_ref(),
            reason: task.reason.as_deref(),
            ..About::default()
        },
        FactBody::ClusterRequested(cluster)
        | FactBody::ClusterReady(cluster)
        | FactBody::ClusterDraining(cluster)
        | FactBody::ClusterTerminated(cluster)
        | FactBody::ClusterIdle(cluster)
        | FactBody::ClusterLeaked(cluster)
        | FactBody::ClusterFailed(cluster) => About {
            instance: Some(cluster.instance.to_string()),
            reason: cluster.reason.as_deref(),
            ..About::default()
        },
        FactBody::DeadlineMissed(deadline) => About {
            run: Some(&deadline.run),
            ..About::default()
        },
        FactBody::DeadlineAtRisk(risk) => About {
            run: Some(&risk.run),
            generation: Some(risk.generation),
            ..About::default()
        },
        FactBody::RunSlow(slow) => About {
            run: Some(&slow.run),
            generation: Some(slow.generation),
            ..About::default()
        },
        FactBody::TickMissed(tick) => About {
            run: tick.run.as_ref(),
            ..About::default()
        },
        FactBody::LettersSetAside(letters) | FactBody::LettersGone(letters) => About {
            reason: letters.reason.as_deref(),
            ..About::default()
        },
        FactBody::OperationRequested(request) => About {
            operation: Some(&request.operation),
            ..About::default()
        },
        FactBody::OperationDone(done) => About {
            operation: Some(&done.operation),
            reason: Some(&done.result),
            ..About::default()
        },
    }
}

#[test]
fn a_fact_is_told_by_its_short_name() {
    assert_eq!(short("murmur.task.ready.v1"), "task.ready");
    assert_eq!(short("murmur.deadline.at_risk.v1"), "deadline.at_risk");
}
