//! Several deployments in one account: each knows its own work and clusters by their names.

use aws::EmrBatchCompute;
use model::Timestamp;
use model::task::Place;
use ports::Compute as _;
use serde_json::Value;
use testkit::contract::compute::ComputeBench as _;

use crate::compute::{Bench, NOW_S, compute_of, step, submission, word};
use crate::wire::Wire;

#[tokio::test]
async fn two_deployments_in_one_account_never_see_each_other() {
    let bench = Bench::new();
    let asked = crate::job_flow::request();
    let cluster = bench.compute.request_cluster(&asked).await.unwrap();
    let place = Place::Instance(cluster.clone());
    let (work, job) = (step("a", None), submission("job", bench.endless_job()));
    let ours = bench
        .compute
        .submit(&place, std::slice::from_ref(&work))
        .await;
    let ids = [ours[0].clone().unwrap()];
    let jobs = bench
        .compute
        .submit(&bench.queue(), std::slice::from_ref(&job))
        .await;
    let job_ids = [jobs[0].clone().unwrap()];
    let answering = bench.services.clone();
    let wire = Wire::new(move |asked| answering.lock().unwrap().answer(asked));
    let other = compute_of("murmur-2", &wire);
    let since = Timestamp::from_second(NOW_S).unwrap();
    for (compute, sees) in [(&bench.compute, true), (&other, false)] {
        let found = compute.find(&place, &work.key).await.unwrap();
        assert_eq!(!found.is_empty(), sees, "find a step");
        let described = compute.describe(&place, &ids).await.unwrap();
        assert_eq!(!described.is_empty(), sees, "describe a step");
        let listed = compute.list_steps(&cluster, &[]).await.unwrap();
        assert_eq!(!listed.is_empty(), sees, "list steps");
        let found = compute.find(&bench.queue(), &job.key).await.unwrap();
        assert_eq!(!found.is_empty(), sees, "find a job");
        let described = compute.describe(&bench.queue(), &job_ids).await.unwrap();
        assert_eq!(!described.is_empty(), sees, "describe a job");
        let listed = compute.list_clusters(since).await.unwrap();
        assert_eq!(!listed.is_empty(), sees, "list clusters");
        let described = compute.describe_cluster(&cluster).await.unwrap();
        assert_eq!(described.is_some(), sees, "describe a cluster");
    }
}

#[tokio::test]
async fn who_was_not_told_what_clusters_are_given_requests_none() {
    let bench = Bench::new();
    let answering = bench.services.clone();
    let config = Wire::new(move |asked| answering.lock().unwrap().answer(asked)).config();
    let compute = EmrBatchCompute::new(&config, &"murmur".parse().unwrap(), None);
    let refused = compute.request_cluster(&crate::job_flow::request()).await;
    assert_eq!(word(&refused), "refused");
    assert_eq!(bench.asked("RunJobFlow"), [Value::Null; 0]);
}
