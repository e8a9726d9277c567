//! What every compute must do: shapes and habits of EMR and Batch that functions rely on.

use std::collections::BTreeMap;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::definition::{CatchUp, Cluster, EmrSpec, ScheduleSpec};
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use model::work::{Submission, Work};
use ports::{ClusterRequest, Compute, SubmitError};

/// A compute with a hand on its time.
#[allow(async_fn_in_trait)] // tests run on one thread
pub trait ComputeBench {
    type Compute: Compute;

    fn compute(&self) -> &Self::Compute;

    /// The instant by the compute's clock.
    fn now(&self) -> Timestamp;

    /// Lets everything that was asked for happen: clusters come up, stopped work and terminated
    /// clusters end.
    async fn settle(&self);

    /// A step that runs until it is stopped.
    fn endless_step(&self) -> Work;

    /// A job that runs until it is stopped.
    fn endless_job(&self) -> Work;

    /// A job queue that takes jobs.
    fn queue(&self) -> Place;
}

/// Runs the whole suite.
///
/// # Panics
/// Where the compute differs from the contract.
pub async fn all<B: ComputeBench>(make: impl AsyncFn() -> B) {
    jobs_are_found_by_name_and_described_by_id(&make().await).await;
    one_name_may_be_submitted_twice(&make().await).await;
    steps_are_listed_newest_first(&make().await).await;
    stopping_is_asynchronous_and_may_be_repeated(&make().await).await;
    a_cluster_comes_up_and_tells_its_endpoint(&make().await).await;
    a_terminated_cluster_ends_with_its_steps(&make().await).await;
    places_that_are_not_there_take_no_steps(&make().await).await;
}

/// A job is found under its key, described by its id; unknown ids and keys are left out.
pub async fn jobs_are_found_by_name_and_described_by_id(bench: &impl ComputeBench) {
    let (compute, queue) = (bench.compute(), bench.queue());
    let work = [job(bench, "a"), job(bench, "b")];
    let ids = accepted(compute.submit(&queue, &work).await);
    for (work, id) in work.iter().zip(&ids) {
        let found = compute
            .find(&queue, &work.key)
            .await
            .expect("lookups are answered");
        assert_eq!(submissions(&found), std::slice::from_ref(id));
        assert_eq!((&found[0].key, &found[0].place), (&work.key, &queue));
        assert!(!found[0].state.is_terminal(), "{:?}", found[0].state);
    }
    let unknown = compute
        .find(&queue, &key("c"))
        .await
        .expect("lookups are answered");
    assert_eq!(unknown, []);
    let asked = [
        ids[1].clone(),
        SubmissionId::from("00000000-0000-0000-0000-000000000000"),
    ];
    let described = compute
        .describe(&queue, &asked)
        .await
        .expect("lookups are answered");
    assert_eq!(submissions(&described), [ids[1].clone()]);
    stop(bench, &queue, &ids).await;
}

/// There is no idempotency token: the same key submitted twice is there twice, and found twice.
pub async fn one_name_may_be_submitted_twice(bench: &impl ComputeBench) {
    let (compute, queue) = (bench.compute(), bench.queue());
    let work = job(bench, "a");
    let first = accepted(compute.submit(&queue, std::slice::from_ref(&work)).await);
    let second = accepted(compute.submit(&queue, std::slice::from_ref(&work)).await);
    assert_ne!(first, second);
    let found = compute
        .find(&queue, &work.key)
        .await
        .expect("lookups are answered");
    let mut found = submissions(&found);
    found.sort();
    let mut both = [first, second].concat();
    both.sort();
    assert_eq!(found, both);
    stop(bench, &queue, &both).await;
}

/// Steps answer in the order they were given and are listed newest first, at least as far as the
/// oldest that is wanted.
pub async fn steps_are_listed_newest_first(bench: &impl ComputeBench) {
    let (id, place) = cluster(bench).await;
    let compute = bench.compute();
    let names = ["a", "b", "c"];
    let work: Vec<Submission> = names.iter().map(|name| step(bench, name)).collect();
    let ids = accepted(compute.submit(&place, &work).await);
    let wanted: Vec<AttemptKey> = names.iter().map(|name| key(name)).collect();
    let listed = compute
        .list_steps(&id, &wanted)
        .await
        .expect("lookups are answered");
    let newest_first: Vec<SubmissionId> = ids.iter().rev().cloned().collect();
    assert_eq!(submissions(&listed), newest_first);
    let listed = compute
        .list_steps(&id, &[key("never")])
        .await
        .expect("lookups are answered");
    assert_eq!(
        submissions(&listed),
        newest_first,
        "the list ends without what is wanted"
    );
    let found = compute
        .find(&place, &work[1].key)
        .await
        .expect("lookups are answered");
    assert_eq!(submissions(&found), [ids[1].clone()]);
    let described = compute
        .describe(&place, &ids[..1])
        .await
        .expect("lookups are answered");
    assert_eq!(submissions(&described), [ids[0].clone()]);
    end(bench, &id).await;
}

/// Work that was asked to stop ends some time later; asking again, or for what is unknown, is no
/// error.
pub async fn stopping_is_asynchronous_and_may_be_repeated(bench: &impl ComputeBench) {
    let (compute, queue) = (bench.compute(), bench.queue());
    let work = [job(bench, "a"), job(bench, "b")];
    let ids = accepted(compute.submit(&queue, &work).await);
    bench.settle().await;
    for _ in 0..2 {
        compute
            .cancel(&queue, &ids[..1], "by a test")
            .await
            .expect("cancelling is taken");
        bench.settle().await;
        let described = compute
            .describe(&queue, &ids)
            .await
            .expect("lookups are answered");
        for work in described {
            let stopped = work.submission == ids[0];
            assert_eq!(
                work.state.is_terminal(),
                stopped,
                "{}: {:?}",
                work.key,
                work.state
            );
            assert_ne!(work.state, WorkState::Succeeded);
        }
    }
    stop(bench, &queue, &ids[1..]).await;
}

/// A requested cluster is listed under its name, comes up later, and then tells its endpoint.
pub async fn a_cluster_comes_up_and_tells_its_endpoint(bench: &impl ComputeBench) {
    let compute = bench.compute();
    let before = bench.now();
    let id = compute
        .request_cluster(&request())
        .await
        .expect("the request is taken");
    let listed = compute
        .list_clusters(before)
        .await
        .expect("lookups are answered");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(
        (&listed[0].id, &listed[0].instance),
        (&id, &request().instance)
    );
    let later = Seconds(1).after(bench.now());
    let none = compute
        .list_clusters(later)
        .await
        .expect("lookups are answered");
    assert_eq!(none, [], "created before");
    let described = compute
        .describe_cluster(&id)
        .await
        .expect("lookups are answered");
    let described = described.expect("it is known");
    assert!(!described.state.is_ending(), "{:?}", described.state);
    bench.settle().await;
    let described = compute
        .describe_cluster(&id)
        .await
        .expect("lookups are answered");
    let described = described.expect("it is known");
    assert!(described.state.is_up(), "{:?}", described.state);
    assert!(
        described
            .endpoint
            .is_some_and(|endpoint| !endpoint.master_dns.is_empty())
    );
    let unknown = compute
        .describe_cluster(&EmrClusterId::from("j-0000000000000"))
        .await;
    assert_eq!(unknown.expect("lookups are answered"), None);
    end(bench, &id).await;
}

/// Terminating ends a cluster some time later, open steps with it; from then on it takes none.
pub async fn a_terminated_cluster_ends_with_its_steps(bench: &impl ComputeBench) {
    let (id, place) = cluster(bench).await;
    let compute = bench.compute();
    let ids = accepted(compute.submit(&place, &[step(bench, "a")]).await);
    for _ in 0..2 {
        compute
            .terminate_clusters(std::slice::from_ref(&id))
            .await
            .expect("it is taken");
    }
    bench.settle().await;
    let described = compute
        .describe_cluster(&id)
        .await
        .expect("lookups are answered");
    assert!(described.expect("it is known").state.is_ending());
    let steps = compute
        .describe(&place, &ids)
        .await
        .expect("lookups are answered");
    assert!(steps[0].state.is_terminal(), "{:?}", steps[0].state);
    assert_ne!(steps[0].state, WorkState::Succeeded);
    gone(compute.submit(&place, &[step(bench, "b")]).await);
}

/// A cluster nobody knows takes no steps; each is answered.
pub async fn places_that_are_not_there_take_no_steps(bench: &impl ComputeBench) {
    let place = Place::Instance(EmrClusterId::from("j-0000000000000"));
    let work = [step(bench, "a"), step(bench, "b")];
    let answers = bench.compute().submit(&place, &work).await;
    assert_eq!(answers.len(), work.len());
    gone(answers);
    assert_eq!(bench.compute().submit(&bench.queue(), &[]).await, []);
}

fn gone(answers: Vec<Result<SubmissionId, SubmitError>>) {
    for answer in answers {
        assert!(
            matches!(answer, Err(SubmitError::Gone { .. })),
            "{answer:?}"
        );
    }
}

fn accepted(answers: Vec<Result<SubmissionId, SubmitError>>) -> Vec<SubmissionId> {
    answers
        .into_iter()
        .map(|answer| answer.expect("the work is taken"))
        .collect()
}

fn submissions(observations: &[WorkObservation]) -> Vec<SubmissionId> {
    observations
        .iter()
        .map(|observation| observation.submission.clone())
        .collect()
}

async fn cluster(bench: &impl ComputeBench) -> (EmrClusterId, Place) {
    let id = bench
        .compute()
        .request_cluster(&request())
        .await
        .expect("the request is taken");
    bench.settle().await;
    (id.clone(), Place::Instance(id))
}

/// Leaves nothing running behind.
async fn end(bench: &impl ComputeBench, id: &EmrClusterId) {
    bench
        .compute()
        .terminate_clusters(std::slice::from_ref(id))
        .await
        .expect("it is taken");
    bench.settle().await;
}

async fn stop(bench: &impl ComputeBench, place: &Place, ids: &[SubmissionId]) {
    bench
        .compute()
        .cancel(place, ids, "the test is over")
        .await
        .expect("it is taken");
    bench.settle().await;
}

fn key(task: &str) -> AttemptKey {
    AttemptKey {
        run: "weather--daily_report--20260301t051500z".into(),
        task: task.parse().expect("a task's name"),
        generation: 1,
        attempt: 1,
    }
}

fn step(bench: &impl ComputeBench, task: &str) -> Submission {
    submission(task, bench.endless_step())
}

fn job(bench: &impl ComputeBench, task: &str) -> Submission {
    submission(task, bench.endless_job())
}

fn submission(task: &str, work: Work) -> Submission {
    let timeout = Some(Seconds::hours(1));
    Submission {
        key: key(task),
        work,
        timeout,
        execution_role: None,
        tags: BTreeMap::new(),
    }
}

fn request() -> ClusterRequest {
    let instance: InstanceKey = "weather--etl--20260301t050000z--1"
        .parse()
        .expect("an instance's name");
    let schedule = |expression: &str| ScheduleSpec {
        expression: expression.into(),
        timezone: "UTC".into(),
        catch_up: CatchUp::default(),
    };
    let cluster = Cluster {
        team: instance.cluster.team.clone(),
        name: instance.cluster.name.clone(),
        description: None,
        provision: schedule("cron(0 5 * * ? *)"),
        terminate: schedule("cron(0 8 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: BTreeMap::new(),
        step_concurrency: 10,
        replacements: 1,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec {
            release: "emr-7.9.0".into(),
            auto_termination: Seconds::hours(1),
            ..EmrSpec::default()
        },
    };
    ClusterRequest { instance, cluster }
}

#[cfg(test)]
mod tests {
    use model::work::JobSpec;
    use ports::Clock as _;

    use super::*;
    use crate::{ScriptedCompute, TestPorts, block_on};

    impl ComputeBench for TestPorts {
        type Compute = ScriptedCompute;

        fn compute(&self) -> &ScriptedCompute {
            &self.compute
        }
        fn now(&self) -> Timestamp {
            self.clock.now()
        }
        async fn settle(&self) {
            self.compute.settle();
        }
        fn endless_step(&self) -> Work {
            Work::Step {
                argv: vec!["sleep".into(), "3600".into()],
            }
        }
        fn endless_job(&self) -> Work {
            let command = vec!["sleep".into(), "3600".into()];
            Work::Job(JobSpec {
                definition: "sleep".into(),
                command,
                ..JobSpec::default()
            })
        }
        fn queue(&self) -> Place {
            Place::Queue("light".into())
        }
    }

    #[test]
    fn the_scripted_compute_keeps_the_contract() {
        block_on(all(async || TestPorts::new()));
    }
}
