//! EMR and Batch: the contract against a stand-in, and what becomes of calls that fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws::EmrBatchCompute;
use aws::compute::EmrSettings;
use model::Timestamp;
use model::id::EmrClusterId;
use model::task::Place;
use model::work::{JobSpec, Submission, Work};
use ports::{Compute as _, SubmitError};
use serde_json::{Value, json};
use testkit::contract::compute::ComputeBench;

use crate::stand_in::StandIn;
use crate::wire::{Answer, Wire};

pub const NOW_S: i64 = 1_772_341_200;

fn compute(wire: &Wire) -> EmrBatchCompute {
    compute_of("murmur", wire)
}

pub fn compute_of(deployment: &str, wire: &Wire) -> EmrBatchCompute {
    let config = wire.config();
    let settings = EmrSettings {
        service_role: "murmur-emr".into(),
        instance_profile: "murmur-emr-machines".into(),
        subnet: Some("subnet-1".into()),
        log_uri: Some("s3://logs/".into()),
    };
    EmrBatchCompute::new(&config, &deployment.parse().unwrap(), Some(settings))
}

pub struct Bench {
    pub compute: EmrBatchCompute,
    pub services: Arc<Mutex<StandIn>>,
}

impl Bench {
    pub fn new() -> Self {
        let services = StandIn::at(NOW_S);
        let services = Arc::new(Mutex::new(services));
        let answering = services.clone();
        let wire = Wire::new(move |asked| answering.lock().unwrap().answer(asked));
        Self {
            compute: compute(&wire),
            services,
        }
    }

    /// The bodies of one kind of request.
    pub fn asked(&self, what: &str) -> Vec<Value> {
        let services = self.services.lock().unwrap();
        let asked = services.asked.iter().filter(|asked| asked.what == what);
        asked.map(|asked| asked.body.clone()).collect()
    }
}

impl ComputeBench for Bench {
    type Compute = EmrBatchCompute;

    fn compute(&self) -> &EmrBatchCompute {
        &self.compute
    }
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW_S).unwrap()
    }
    async fn settle(&self) {
        self.services.lock().unwrap().settle();
    }
    fn endless_step(&self) -> Work {
        Work::Step {
            argv: vec!["sleep".into(), "3600".into()],
        }
    }
    fn endless_job(&self) -> Work {
        Work::Job(JobSpec {
            definition: "sleep".into(),
            ..JobSpec::default()
        })
    }
    fn queue(&self) -> Place {
        Place::Queue("light".into())
    }
}

#[tokio::test]
async fn emr_and_batch_keep_the_contract() {
    testkit::contract::compute::all(async || Bench::new()).await;
}

pub fn submission(task: &str, work: Work) -> Submission {
    let key = format!("weather--report--20260301t051500z--{task}--1-1");
    Submission {
        key: key.parse().unwrap(),
        work,
        timeout: None,
        execution_role: None,
        tags: BTreeMap::from([("team".to_owned(), "weather".to_owned())]),
    }
}

/// What a submission is called at its service.
fn named(work: &Submission) -> String {
    format!("murmur--{}", work.key)
}

pub fn step(task: &str, role: Option<&str>) -> Submission {
    let argv = vec!["spark-submit".into(), "s3://jobs/a.py".into()];
    Submission {
        execution_role: role.map(str::to_owned),
        ..submission(task, Work::Step { argv })
    }
}

#[tokio::test]
async fn steps_of_one_role_go_in_one_call_and_each_has_its_answer() {
    let bench = Bench::new();
    let cluster = bench
        .compute
        .request_cluster(&crate::job_flow::request())
        .await
        .unwrap();
    let job = submission("job", bench.endless_job());
    let work = [
        step("a", Some("r1")),
        step("b", None),
        job,
        step("c", Some("r1")),
    ];
    let answers = bench
        .compute
        .submit(&Place::Instance(cluster.clone()), &work)
        .await;
    assert!(
        matches!(answers[2], Err(SubmitError::Refused { .. })),
        "{answers:?}"
    );
    let listed = bench.compute.list_steps(&cluster, &[]).await.unwrap();
    for seen in bench
        .compute
        .list_steps(&cluster, &[work[0].key.clone()])
        .await
        .unwrap()
    {
        let number = work.iter().position(|work| work.key == seen.key).unwrap();
        assert_eq!(answers[number].as_ref(), Ok(&seen.submission));
    }
    assert_eq!(listed.len(), 2, "the first page is enough for nothing");
    let calls = bench.asked("AddJobFlowSteps");
    let names = |call: &Value| -> Vec<String> {
        let steps = call["Steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    let role = |call: &Value| call["ExecutionRoleArn"].as_str().map(str::to_owned);
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (role(&calls[0]), names(&calls[0])),
        (None, vec![named(&work[1])])
    );
    let of_role = vec![named(&work[0]), named(&work[3])];
    assert_eq!(
        (role(&calls[1]), names(&calls[1])),
        (Some("r1".into()), of_role)
    );
    assert_eq!(
        calls[0]["Steps"][0],
        json!({
            "Name": named(&work[1]),
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {
                "Jar": "command-runner.jar",
                "Args": ["spark-submit", "s3://jobs/a.py"],
            },
        })
    );
}

#[tokio::test]
async fn a_job_says_all_that_was_written_and_is_tried_once() {
    let bench = Bench::new();
    let job = JobSpec {
        definition: "clean:3".into(),
        command: vec!["python3".into(), "clean.py".into()],
        environment: BTreeMap::from([("DAY".to_owned(), "2026-03-01".to_owned())]),
        parameters: BTreeMap::from([("mode".to_owned(), "full".to_owned())]),
        vcpus: Some("0.25".into()),
        memory_mib: Some(512),
        gpus: Some(2),
        array_size: Some(4),
        share_identifier: Some("weather".into()),
        share_priority: Some(70),
    };
    let mut work = submission("clean", Work::Job(job));
    work.timeout = Some(model::units::Seconds(30));
    bench
        .compute
        .submit(&bench.queue(), &[work.clone()])
        .await
        .remove(0)
        .unwrap();
    let expected = json!({
        "jobName": named(&work),
        "jobQueue": "light",
        "jobDefinition": "clean:3",
        "parameters": { "mode": "full" },
        "shareIdentifier": "weather",
        "schedulingPriorityOverride": 70,
        "arrayProperties": { "size": 4 },
        "containerOverrides": {
            "command": ["python3", "clean.py"],
            "environment": [{ "name": "DAY", "value": "2026-03-01" }],
            "resourceRequirements": [
                { "type": "VCPU", "value": "0.25" },
                { "type": "MEMORY", "value": "512" },
                { "type": "GPU", "value": "2" },
            ],
        },
        "retryStrategy": { "attempts": 1 },
        // Batch takes no shorter one.
        "timeout": { "attemptDurationSeconds": 60 },
        "tags": { "murmur:deployment": "murmur", "team": "weather" },
    });
    assert_eq!(bench.asked("v1/submitjob"), [expected]);
}

/// What becomes of a submission, in one word.
pub fn word<T>(answer: &Result<T, SubmitError>) -> &'static str {
    match answer {
        Ok(_) => "taken",
        Err(SubmitError::Throttled { .. }) => "throttled",
        Err(SubmitError::Gone { .. }) => "gone",
        Err(SubmitError::Refused { .. }) => "refused",
        Err(SubmitError::Unknown { .. }) => "unknown",
    }
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_fails_is_made_once_and_judged() {
    let error = |status, code| move || Answer::Error(status, code, "told by a test".into());
    let full = "Maximum number of active steps(State = 'Running', 'Pending') exceeded.";
    type Make = Box<dyn Fn() -> Answer + Send>;
    let cases: [(&str, Make, &str); 11] = [
        ("silence", Box::new(|| Answer::Silence), "unknown"),
        ("reset", Box::new(|| Answer::Broken), "unknown"),
        (
            "500",
            Box::new(error(500, "InternalServerException")),
            "unknown",
        ),
        ("503", Box::new(error(503, "ServiceUnavailable")), "unknown"),
        (
            "throttled",
            Box::new(error(400, "ThrottlingException")),
            "throttled",
        ),
        (
            "429",
            Box::new(error(429, "TooManyRequestsException")),
            "throttled",
        ),
        (
            "expired",
            Box::new(error(400, "ExpiredTokenException")),
            "throttled",
        ),
        (
            "full",
            Box::new(move || Answer::Error(400, "ValidationException", full.into())),
            "throttled",
        ),
        (
            "wrong",
            Box::new(error(400, "ValidationException")),
            "refused",
        ),
        (
            "denied",
            Box::new(error(400, "AccessDeniedException")),
            "refused",
        ),
        ("no ids", Box::new(|| Answer::Ok(json!({}))), "unknown"),
    ];
    for (what, answer, expected) in cases {
        let submitted = Arc::new(Mutex::new(Vec::new()));
        let seen = submitted.clone();
        let wire = Wire::new(move |asked| match asked.what.as_str() {
            // The cluster itself is well.
            "DescribeCluster" => Answer::Ok(json!({
                "Cluster": { "Name": "x", "Status": { "State": "WAITING" } }
            })),
            other => {
                seen.lock().unwrap().push(other.to_owned());
                answer()
            }
        });
        let compute = compute(&wire);
        let place = Place::Instance(EmrClusterId::from("j-1"));
        let steps = compute
            .submit(&place, &[step("a", None), step("b", None)])
            .await;
        let words: Vec<&str> = steps.iter().map(word).collect();
        assert_eq!(words, [expected; 2], "steps, {what}: {steps:?}");
        let job = submission("job", Work::Job(JobSpec::default()));
        let job = compute.submit(&Place::Queue("light".into()), &[job]).await;
        assert_eq!(word(&job[0]), expected, "job, {what}: {job:?}");
        let cluster = compute.request_cluster(&crate::job_flow::request()).await;
        assert_eq!(word(&cluster), expected, "cluster, {what}: {cluster:?}");
        let expected_calls = ["AddJobFlowSteps", "v1/submitjob", "RunJobFlow"];
        assert_eq!(
            *submitted.lock().unwrap(),
            expected_calls,
            "{what}: each once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whether_a_place_is_gone_is_asked_of_the_service() {
    let cases = [
        ("TERMINATING", "gone"),
        ("TERMINATED_WITH_ERRORS", "gone"),
        ("RUNNING", "refused"),
    ];
    for (state, expected) in cases {
        let wire = Wire::new(move |asked| match asked.what.as_str() {
            "DescribeCluster" => Answer::Ok(json!({ "Cluster": { "Status": { "State": state } } })),
            _ => Answer::Error(400, "ValidationException", "no".into()),
        });
        let place = Place::Instance(EmrClusterId::from("j-1"));
        let answers = compute(&wire).submit(&place, &[step("a", None)]).await;
        assert_eq!(word(&answers[0]), expected, "{state}");
    }
    // Nobody can tell: it comes back, for it did not take effect.
    let wire = Wire::new(|asked| match asked.what.as_str() {
        "DescribeCluster" => Answer::Broken,
        _ => Answer::Error(400, "ValidationException", "no".into()),
    });
    let place = Place::Instance(EmrClusterId::from("j-1"));
    let answers = compute(&wire).submit(&place, &[step("a", None)]).await;
    assert_eq!(word(&answers[0]), "throttled");
}

#[tokio::test]
async fn unknown_steps_are_left_out_and_unknown_clusters_keep_no_other_alive() {
    let bench = Bench::new();
    let cluster = bench
        .compute
        .request_cluster(&crate::job_flow::request())
        .await
        .unwrap();
    let place = Place::Instance(cluster.clone());
    let work: Vec<Submission> = (0..12).map(|n| step(&format!("t{n}"), None)).collect();
    let answers = bench.compute.submit(&place, &work).await;
    let mut ids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    ids.insert(3, "s-unknown".into());
    let described = bench.compute.describe(&place, &ids).await.unwrap();
    assert_eq!(described.len(), 12);
    let unknown = EmrClusterId::from("j-0000000000000");
    bench
        .compute
        .terminate_clusters(&[unknown, cluster.clone()])
        .await
        .unwrap();
    bench.settle().await;
    let seen = bench
        .compute
        .describe_cluster(&cluster)
        .await
        .unwrap()
        .unwrap();
    assert!(seen.state.is_ending(), "{seen:?}");
}
