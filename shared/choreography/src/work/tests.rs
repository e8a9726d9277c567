use super::*;
use model::definition::{ClusterChoice, ParamSpec};
use model::units::Seconds;
use testkit::flow;

#[test]
fn a_statement_goes_through_the_client_of_the_cluster_s_engine() {
    let cases: [(&[&str], &str); 5] = [
        (&["Presto"], "presto-cli"),
        (&["Hive", "Trino"], "trino-cli"),
        (&["trino"], "trino-cli"),
        (&["PrestoSQL"], "presto-cli"),
        (&[], "presto-cli"),
    ];
    for (applications, expected) in cases {
        let mut cluster = testkit::night::cluster();
        cluster.emr.applications = applications.iter().map(|name| (*name).into()).collect();
        assert_eq!(query_client(Some(&cluster)), expected, "{applications:?}");
    }
    assert_eq!(query_client(None), "presto-cli");
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn cluster() -> ClusterChoice {
    ClusterChoice::Named("team/etl".parse().unwrap())
}

fn spark(script: &str, args: &[&str], conf: &[(&str, &str)], class: Option<&str>) -> TaskKind {
    TaskKind::Spark(SparkTask {
        cluster: cluster(),
        script: script.into(),
        class: class.map(str::to_owned),
        args: texts(args),
        conf: named(conf),
    })
}

fn presto(statement: &str, catalog: Option<&str>, schema: Option<&str>) -> TaskKind {
    TaskKind::Presto(PrestoTask {
        cluster: cluster(),
        statement: statement.into(),
        catalog: catalog.map(str::to_owned),
        schema: schema.map(str::to_owned),
    })
}

fn command(command: &[&str]) -> TaskKind {
    TaskKind::Command(CommandTask {
        cluster: cluster(),
        command: texts(command),
    })
}

/// The span of the attempt that is submitted.
fn traceparent() -> String {
    let key = "team--flow--20260301--third--2-3".parse().unwrap();
    trace::of_attempt(&key)
}

/// What is submitted for the third of three tasks in a row, in New York, at five past two in the
/// night of 2 March.
fn submitted(kind: TaskKind, going: Going<'_>) -> Result<Submission, WorkError> {
    let (plan, run, key) = third(|task| task.kind = kind);
    submission(&plan, 2, &run, &key, going)
}

/// The third of those tasks, changed.
fn third(change: impl FnOnce(&mut Task)) -> (Plan, Run, AttemptKey) {
    let mut workflow = flow::workflow(&[
        ("first", &[], ""),
        ("second", &["first"], ""),
        ("third", &["second"], ""),
    ]);
    workflow.timezone = "America/New_York".into();
    change(&mut workflow.tasks[2]);
    workflow.tasks[2].timeout = Some(Seconds(600));
    for (name, default) in [("region", Some("eu")), ("size", Some("xl")), ("day", None)] {
        let spec = ParamSpec {
            default: default.map(Value::from),
            description: None,
        };
        workflow.params.insert(name.to_owned(), spec);
    }
    let at = "2026-03-02T07:05:00Z".parse().unwrap();
    let mut run = flow::seed_run(&testkit::MemoryStore::default(), &workflow, at);
    run.params = BTreeMap::from([("size".to_owned(), Value::from("s"))]);
    let plan = Plan::of(workflow).unwrap();
    let key = AttemptKey {
        run: run.run.clone(),
        task: "third".parse().unwrap(),
        generation: 2,
        attempt: 3,
    };
    (plan, run, key)
}

fn argv(kind: TaskKind) -> Vec<String> {
    match submitted(kind, Going::default()).unwrap().work {
        Work::Step { argv } => argv,
        Work::Job(job) => panic!("not a step: {job:?}"),
    }
}

#[test]
fn a_step_is_its_kinds_command_with_templates_filled_in() {
    let span = traceparent();
    let told = format!("spark.yarn.appMasterEnv.TRACEPARENT={span}");
    let cases: [(TaskKind, &[&str]); 8] = [
        (
            spark("s3://jobs/a.py", &[], &[], None),
            &[
                "spark-submit",
                "--deploy-mode",
                "cluster",
                "--conf",
                &told,
                "s3://jobs/a.py",
            ],
        ),
        (
            spark("a.py", &[], &[(SPARK_TRACEPARENT, "own")], None),
            &[
                "spark-submit",
                "--deploy-mode",
                "cluster",
                "--conf",
                "spark.yarn.appMasterEnv.TRACEPARENT=own",
                "a.py",
            ],
        ),
        (command(&["copy", "{{ traceparent }}"]), &["copy", &span]),
        (
            spark(
                "s3://jobs/{{ task }}.jar",
                &["--date", "{{ logical_date }}"],
                &[
                    ("spark.a", "{{ params.size }}"),
                    ("spark.b", "{{ params.region }}"),
                ],
                Some("org.Main"),
            ),
            &[
                "spark-submit",
                "--deploy-mode",
                "cluster",
                "--class",
                "org.Main",
                "--conf",
                "spark.a=s",
                "--conf",
                "spark.b=eu",
                "--conf",
                &told,
                "s3://jobs/third.jar",
                "--date",
                "2026-03-02",
            ],
        ),
        (
            presto("select {{ attempt }}", None, None),
            &["presto-cli", "--execute", "select 3"],
        ),
        (
            presto("select 1", Some("hive"), Some("raw")),
            &[
                "presto-cli",
                "--catalog",
                "hive",
                "--schema",
                "raw",
                "--execute",
                "select 1",
            ],
        ),
        (
            command(&["copy", "{{ generation }} {{ team }}"]),
            &["copy", "2 team"],
        ),
        (
            command(&["{{ logical_time }}", "{{ slot }}"]),
            &["2026-03-02T02:05:00-05:00", "2026-03-01"],
        ),
    ];
    for (kind, expected) in cases {
        assert_eq!(argv(kind), expected);
    }
}

#[test]
fn a_job_takes_what_its_task_says_with_templates_filled_in() {
    let batch = BatchTask {
        job_definition: "clean".into(),
        queue: "light".into(),
        command: texts(&["clean.py", "{{ logical_date }}"]),
        environment: named(&[("A", "{{ task }}"), ("B", "b")]),
        parameters: named(&[("p", "{{ params.size }}")]),
        vcpus: Some("0.25".into()),
        memory_mib: Some(512),
        gpus: Some(1),
        array_size: Some(7),
        share_identifier: Some("share".into()),
        share_priority: Some(9),
    };
    let going = Going {
        execution_role: Some("arn:role"),
        cluster: None,
    };
    let submitted = submitted(TaskKind::Batch(batch), going).unwrap();
    let job = JobSpec {
        definition: "clean".into(),
        command: texts(&["clean.py", "2026-03-02"]),
        environment: named(&[("A", "third"), ("B", "b"), ("TRACEPARENT", &traceparent())]),
        parameters: named(&[("p", "s")]),
        vcpus: Some("0.25".into()),
        memory_mib: Some(512),
        gpus: Some(1),
        array_size: Some(7),
        share_identifier: Some("share".into()),
        share_priority: Some(9),
    };
    let expected = Submission {
        key: "team--flow--20260301--third--2-3".parse().unwrap(),
        work: Work::Job(job),
        timeout: Some(Seconds(600)),
        execution_role: Some("arn:role".into()),
        tags: named(&[
            ("murmur:team", "team"),
            ("murmur:workflow", "flow"),
            ("murmur:run", "team--flow--20260301"),
        ]),
    };
    assert_eq!(submitted, expected);
}

#[test]
fn what_lies_directly_above_is_known_wherever_a_template_names_it() {
    let storage = "{{ upstream.second.storage }}";
    let filled = "team/flow/second/2026-03-02";
    let batch = |command: &[&str], environment: &[(&str, &str)], parameters: &[(&str, &str)]| {
        TaskKind::Batch(BatchTask {
            command: texts(command),
            environment: named(environment),
            parameters: named(parameters),
            ..serde_json::from_value(serde_json::json!({ "job_definition": "j", "queue": "q" }))
                .unwrap()
        })
    };
    let kinds = [
        spark(storage, &[], &[], None),
        spark("script", &[storage], &[], None),
        spark("script", &[], &[("spark.a", storage)], None),
        presto(storage, None, None),
        command(&["copy", storage]),
        batch(&[storage], &[], &[]),
        batch(&[], &[("A", storage)], &[]),
        batch(&[], &[], &[("p", storage)]),
    ];
    for kind in kinds {
        let text = format!("{:?}", submitted(kind, Going::default()).unwrap().work);
        assert!(text.contains(filled), "{text}");
    }
    let further = submitted(command(&["{{ upstream.first.storage }}"]), Going::default());
    assert!(further.is_err(), "{further:?}");
}

#[test]
fn a_template_without_a_value_is_told_with_its_field_and_task() {
    let error = submitted(command(&["{{ params.day }}"]), Going::default()).unwrap_err();
    assert_eq!(
        (error.field.as_str(), error.task.as_str()),
        ("command", "third")
    );
}

#[test]
fn only_a_statement_depends_on_what_its_cluster_runs() {
    let table = [
        (presto("select 1", None, None), true),
        (spark("script", &[], &[], None), false),
        (command(&["true"]), false),
        (
            flow::workflow(&[("a", &[], "")]).tasks[0].kind.clone(),
            false,
        ),
    ];
    for (kind, expected) in table {
        assert_eq!(needs_cluster(&kind), expected, "{kind:?}");
    }
}

#[test]
fn what_a_task_reads_and_writes_is_filled_in_too() {
    let dataset = |namespace: &str, name: &str| Dataset {
        namespace: namespace.into(),
        name: name.into(),
    };
    let declared = |inputs: Vec<Dataset>, outputs: Vec<Dataset>| {
        let (plan, run, key) = third(|task| (task.inputs, task.outputs) = (inputs, outputs));
        datasets(&plan, 2, &run, &key)
    };
    assert_eq!(declared(vec![], vec![]), Ok(Datasets::default()));
    let read = dataset(
        "s3://lake-{{ params.region }}",
        "{{ upstream.second.storage }}",
    );
    let written = dataset("trino://{{ team }}:8889", "hive.out.{{ task }}");
    let filled = Datasets {
        inputs: vec![dataset("s3://lake-eu", "team/flow/second/2026-03-02")],
        outputs: vec![dataset("trino://team:8889", "hive.out.third")],
    };
    assert_eq!(declared(vec![read], vec![written]), Ok(filled));
    let error = declared(vec![], vec![dataset("s3://b", "{{ params.day }}")]).unwrap_err();
    assert_eq!(error.field, "outputs");
}
