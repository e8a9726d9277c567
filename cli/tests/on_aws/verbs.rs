//! Every verb that touches a deployment.

use std::collections::BTreeMap;
use std::io::Write as _;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_sqs::types::MessageAttributeValue;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::run::RunState;
use serde_json::{Value, json};

use crate::emulator;
use crate::morning::Morning;

const REPORT: &str = "weather--report--20260301t053000z";
const FORECAST: &str = "weather--forecast--20260301t054000z";

#[tokio::test]
async fn a_deployment_tells_what_happened() {
    let morning = Morning::of("told").await;
    let at = &morning.at;

    let runs = at.json(&["runs"]);
    let states: BTreeMap<&str, &str> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["run"].as_str().unwrap(), run["state"].as_str().unwrap()))
        .collect();
    let expected = [
        (FORECAST, "failed"),
        (REPORT, "succeeded"),
        ("weather--reload--a", "running"),
        ("weather--reload--b", "waiting"),
    ];
    assert_eq!(states, BTreeMap::from(expected));
    let failed = at.prints(&["runs", "weather", "--state", "failed"]);
    assert!(
        failed.contains(FORECAST) && !failed.contains(REPORT),
        "{failed}"
    );

    let show = at.json(&["show", "weather/report"]);
    assert_eq!(show["counts"], json!({ "succeeded": 4 }));
    let why = at.prints(&["why", "weather/forecast"]);
    assert!(why.contains("fetch did not succeed"), "{why}");
    let why = at.prints(&["why", "weather/reload@b"]);
    assert!(why.contains("weather--reload--a"), "{why}");
    let day = ["--from", "2026-03-01", "--to", "2026-03-02"];
    let timeline = at.json(&[&["timeline"], &day[..]].concat());
    assert_eq!(timeline["instances"].as_array().unwrap().len(), 1);
    assert_eq!(timeline["runs"].as_array().unwrap().len(), 4);
    assert!(
        at.prints(&["timeline", "weather/report"])
            .contains("yearly-2024")
    );

    let clusters = at.json(&["clusters"]);
    assert_eq!(clusters[0]["cluster"], "weather/etl");
    assert_eq!(clusters[0]["state"], "ready");
    let one = at.prints(&["clusters", "weather/etl"]);
    assert!(one.contains("ip-10-0-1-17.ec2.internal"), "{one}");
    let name = at.prints(&["clusters", "endpoint", "weather/etl"]);
    assert_eq!(name, "ip-10-0-1-17.ec2.internal\n");
    let server = at.prints(&["clusters", "endpoint", "weather/etl", "--port", "trino"]);
    assert_eq!(server, "ip-10-0-1-17.ec2.internal:8889\n");
    let endpoint = at.json(&["clusters", "endpoint", "weather/etl"]);
    assert_eq!(endpoint["private_ip"], "10.0.1.17");
    assert_eq!(
        (&endpoint["state"], &endpoint["instance"]),
        (&json!("ready"), &json!("j-1"))
    );
    assert_eq!(at.prints(&["clusters", "endpoint", "etl"]), name);
    let lasting = at.says(&["clusters", "endpoint", "etl", "--lasting"]);
    assert_eq!(
        (lasting.code, lasting.stdout.as_str()),
        (3, ""),
        "{lasting:#?}"
    );
    assert_eq!(endpoint["ports"]["hive"], 10_000);
    let gone = at.says(&["show", "weather--report--never"]);
    assert_eq!(gone.code, 3, "{gone:#?}");
}

#[tokio::test]
async fn a_deployment_does_what_it_is_asked() {
    let morning = Morning::of("asked").await;

    // Another attempt of what failed: its job fails again.
    let rerun = ["rerun", "weather/forecast", "--why", "again", "--wait"];
    let said = morning.says_meanwhile(&rerun).await;
    assert_eq!(said.code, 0, "{said:#?}");
    morning.until_run(FORECAST, RunState::Failed).await;
    let show = morning.at.json(&["show", FORECAST]);
    let generation = &show["generations"][0];
    assert_eq!(generation["why"], "again");
    let by = generation["by"].as_str().unwrap();
    assert!(by.starts_with("arn:aws:iam::000000000000:"), "{by}");

    let mark = [
        "mark",
        FORECAST,
        "fetch",
        "succeeded",
        "--by",
        "ann",
        "--wait",
    ];
    let said = morning.says_meanwhile(&mark).await;
    assert_eq!(said.code, 0, "{said:#?}");
    morning.until_run(FORECAST, RunState::Succeeded).await;
    let show = morning.at.json(&["show", FORECAST]);
    let by = show["generations"][1]["by"].as_str().unwrap();
    assert!(by.starts_with("ann (arn:aws:iam::000000000000:"), "{by}");

    let said = morning
        .says_meanwhile(&["cancel", "weather/reload@a", "--wait"])
        .await;
    assert_eq!(said.code, 0, "{said:#?}");
    morning
        .until_run("weather--reload--a", RunState::Cancelled)
        .await;
    morning
        .until_run("weather--reload--b", RunState::Running)
        .await;

    for (verb, state) in [("pause", true), ("resume", false)] {
        let said = morning
            .says_meanwhile(&[verb, "weather--reload--b", "--wait"])
            .await;
        assert_eq!(said.code, 0, "{said:#?}");
        assert_eq!(
            morning.run("weather--reload--b").await.unwrap().paused,
            state
        );
    }

    let dates = ["--from", "2026-02-27", "--to", "2026-02-28"];
    let dry = [&["backfill", "weather/report", "--dry-run"], &dates[..]].concat();
    let slots = morning.at.json(&dry);
    assert_eq!(slots.as_array().unwrap().len(), 2);
    let backfill = [
        &["backfill", "weather/report", "--max-active", "2"],
        &dates[..],
    ]
    .concat();
    let said = morning.says_meanwhile(&backfill).await;
    assert_eq!(said.code, 0, "{said:#?}");
    for run in [
        "weather--report--20260227t053000z",
        "weather--report--20260228t053000z",
    ] {
        morning.until_run(run, RunState::Succeeded).await;
    }

    let event = std::env::temp_dir().join(format!("murmur-event-{}.json", std::process::id()));
    std::fs::write(&event, uploaded().to_string()).unwrap();
    let said = morning
        .says_meanwhile(&["trigger", "--event", event.to_str().unwrap()])
        .await;
    std::fs::remove_file(event).unwrap();
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.stdout.contains("weather/uploaded"), "{said:#?}");
    morning.rest().await;
    let runs = morning.at.json(&["runs", "weather/uploaded"]);
    assert_eq!(runs[0]["state"], "succeeded", "{runs}");
}

async fn put_packed(objects: &aws_sdk_s3::Client, key: String, text: &str) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let put = objects.put_object().bucket("logs").key(key);
    let put = put.body(packed.finish().unwrap().into());
    put.send().await.unwrap();
}

fn uploaded() -> Value {
    json!({
        "version": "0", "id": "e-1", "source": "aws.s3", "detail-type": "Object Created",
        "time": "2026-03-01T05:50:00Z", "region": "us-east-1", "account": "000000000000",
        "detail": {
            "bucket": { "name": "observations" },
            "object": { "key": "2026/03/01.csv", "sequencer": "0062E99A88DC407460" }
        }
    })
}

#[tokio::test]
async fn work_is_read_where_aws_keeps_what_it_printed() {
    let morning = Morning::of("logs").await;
    let at = &morning.at;
    let show = at.json(&["show", "weather/report"]);
    let submission = |task: &str| {
        let mut tasks = show["tasks"].as_array().unwrap().iter();
        let found = tasks.find(|found| found["task"] == task).unwrap();
        found["attempts"][0]["submission"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    // EMR has copied nothing yet.
    let late = at.says(&["logs", "weather/report", "yearly-2024"]);
    assert_eq!((late.code, late.stdout.as_str()), (0, ""), "{late:#?}");
    assert!(late.stderr.contains("EMR copies"), "{late:#?}");
    let step = submission("yearly-2024");
    let objects = aws_sdk_s3::Client::new(&emulator::config());
    let _ = objects.create_bucket().bucket("logs").send().await;
    for (name, text) in [
        ("stdout", "2024: 8760 rows\n"),
        ("stderr", "INFO starting\n"),
    ] {
        put_packed(&objects, format!("emr/j-1/steps/{step}/{name}.gz"), text).await;
    }
    let said = at.says(&["logs", "weather/report", "yearly-2024"]);
    assert_eq!(said.stdout, "2024: 8760 rows\n");
    assert!(said.stderr.ends_with("INFO starting\n"), "{said:#?}");
    let only = at.prints(&["logs", "weather/report", "yearly-2024", "--stderr"]);
    assert_eq!(only, "INFO starting\n");
    let found = at.json(&["logs", "weather/report", "yearly-2024"]);
    let stdout = format!("s3://logs/emr/j-1/steps/{step}/stdout.gz");
    assert_eq!(found[0]["stdout"], stdout.as_str());

    // Spark's driver runs in a container of its own, which the step names.
    let (application, container) = ("application_17_0001", "container_17_0001_01_000001");
    let submitted = format!("INFO Submitted application {application}\n");
    let driver = format!("emr/j-1/containers/{application}/{container}");
    for (key, text) in [
        (
            format!("emr/j-1/steps/{step}/stderr.gz"),
            submitted.as_str(),
        ),
        (format!("{driver}/stdout.gz"), "counted 17\n"),
        (format!("{driver}/stderr.gz"), "WARN slow\n"),
    ] {
        put_packed(&objects, key, text).await;
    }
    let said = at.says(&["logs", "weather/report", "yearly-2024"]);
    assert_eq!(said.stdout, "2024: 8760 rows\ncounted 17\n");
    assert!(
        said.stderr.ends_with(&format!("{submitted}WARN slow\n")),
        "{said:#?}"
    );

    let job = submission("clean");
    let (group, stream) = ("/aws/batch/job", format!("weather-python/default/{job}"));
    let streams = aws_sdk_cloudwatchlogs::Client::new(&emulator::config());
    let _ = streams
        .create_log_group()
        .log_group_name(group)
        .send()
        .await;
    let create = streams
        .create_log_stream()
        .log_group_name(group)
        .log_stream_name(&stream);
    create.send().await.unwrap();
    let event = |at_ms, text: &str| {
        let event = InputLogEvent::builder().timestamp(at_ms).message(text);
        event.build().unwrap()
    };
    let now_ms = model::Timestamp::from_second(1_790_000_000)
        .unwrap()
        .as_millisecond();
    let put = streams
        .put_log_events()
        .log_group_name(group)
        .log_stream_name(&stream)
        .log_events(event(now_ms, "reading"))
        .log_events(event(now_ms + 1, "cleaned 17 rows"));
    put.send().await.unwrap();
    let printed = at.prints(&["logs", "weather/report", "clean"]);
    assert_eq!(printed, "reading\ncleaned 17 rows\n");
    // The job has ended, so following it ends, too.
    let followed = at.prints(&["logs", "weather/report", "clean", "--follow"]);
    assert_eq!(followed, printed);
    let none = at.says(&["logs", "weather/forecast", "fetch"]);
    assert!(none.stderr.contains("nothing is there"), "{none:#?}");
}

#[tokio::test]
async fn dead_letters_are_told_in_words_and_go_back() {
    let morning = Morning::of("letters").await;
    let at = &morning.at;
    let none = at.says(&["dead-letters"]);
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (0, "there are no dead letters\n")
    );

    // What the function itself puts aside, and what EventBridge could not deliver.
    let broken = json!({ "tick": { "schedule": "nonsense" } });
    morning
        .deployment
        .put(model::message::Function::StartRun, &broken)
        .await;
    morning.rest().await;
    let foreign = json!({
        "version": "0", "id": "e-1", "source": "aws.batch", "detail-type": "Batch Job State Change",
        "time": "2026-03-01T05:50:00Z",
        "detail": { "jobName": "another", "jobId": "x", "status": "SUCCEEDED", "jobQueue": "light" },
    });
    let queues = aws_sdk_sqs::Client::new(&emulator::config());
    let named = queues
        .get_queue_url()
        .queue_name("letters-observe-task-dead-letters");
    let url = named.send().await.unwrap().queue_url.unwrap();
    let text = |text: &str| {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(text);
        value.build().unwrap()
    };
    let put = queues
        .send_message()
        .queue_url(url)
        .message_body(foreign.to_string())
        .message_attributes(
            "RULE_ARN",
            text("arn:aws:events:us-east-1:0:rule/letters-batch"),
        )
        .message_attributes("ERROR_MESSAGE", text("Throttled"))
        .message_attributes("RETRY_ATTEMPTS", text("185"));
    put.send().await.unwrap();

    for _ in 0..2 {
        // A look changes nothing, so the next one sees the same.
        let said = at.says(&["dead-letters", "list", "--format", "json"]);
        assert_eq!(said.code, 1);
        let letters: Value = serde_json::from_str(&said.stdout).unwrap();
        let letters = letters.as_array().unwrap();
        assert_eq!(letters.len(), 2, "{letters:#?}");
        let of = |inbox: &str| {
            letters
                .iter()
                .find(|letter| letter["inbox"] == inbox)
                .unwrap()
        };
        assert_eq!(of("start-run")["message"], broken);
        assert_eq!(of("start-run")["receives"], 1);
        let reason = of("start-run")["reason"].as_str().unwrap();
        assert!(reason.contains("schedule"), "{reason}");
        let reason = "EventBridge's rule letters-batch could not deliver it: Throttled, nor in 185 tries more";
        assert_eq!(of("observe-task")["reason"], reason);
    }
    let table = at.says(&["dead-letters"]).stdout;
    let line = table
        .lines()
        .find(|line| line.contains("observe-task"))
        .unwrap();
    let id = line.split_whitespace().next().unwrap();
    let shown: Value = serde_json::from_str(&at.prints(&["dead-letters", "show", id])).unwrap();
    assert_eq!(shown["message"]["id"], "e-1");
    let back = at.says(&["dead-letters", "redrive", id]);
    assert_eq!(
        (back.code, back.stderr.as_str()),
        (0, "1 letter is back in its inbox\n")
    );
    morning.rest().await;
    let left = at.says(&["dead-letters"]).stdout;
    assert!(
        left.contains("start-run") && !left.contains("observe-task"),
        "{left}"
    );
    let gone = at.says(&["dead-letters", "redrive", id]);
    assert_eq!(gone.code, 3, "{gone:#?}");
    let back = at.says(&["dead-letters", "redrive", "--all"]);
    assert_eq!(back.code, 0, "{back:#?}");
    // It is as broken as before.
    morning.rest().await;
    assert_eq!(at.says(&["dead-letters"]).code, 1);
}
