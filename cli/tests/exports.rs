//! A day on this machine, as services hear of it that take OTLP and OpenLineage over real HTTP.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tiny_http::{Response, Server};

/// How many requests are refused before the first is taken.
const AWAY: usize = 3;

/// A request that was taken.
struct Taken {
    path: String,
    /// Such as `x-tenant: murmur one`.
    headers: Vec<String>,
    body: Value,
}

/// Takes whatever is posted, after having been away at first.
fn serve() -> (String, Arc<Mutex<Vec<Taken>>>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.server_addr());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&taken);
    std::thread::spawn(move || {
        for (number, mut request) in server.incoming_requests().enumerate() {
            let is_away = number < AWAY;
            if !is_away {
                let taken = Taken {
                    path: request.url().to_owned(),
                    headers: request.headers().iter().map(ToString::to_string).collect(),
                    body: serde_json::from_reader(request.as_reader()).unwrap(),
                };
                kept.lock().unwrap().push(taken);
            }
            let status = if is_away { 503 } else { 200 };
            let answer = Response::from_string("{}").with_status_code(status);
            request.respond(answer).unwrap();
        }
    });
    (address, taken)
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// Lives through a day; gives what murmur said on stderr.
fn day(folder: &Path, exports: &str) -> String {
    let day = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/day.in");
    copied(&day, folder);
    let mut configuration = fs::read_to_string(day.join("local.yaml")).unwrap();
    configuration.push_str(exports);
    fs::write(folder.join("local.yaml"), configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_murmur"))
        .args(["local", "up", "--clock", "skip", "--from", "2026-03-01"])
        .args(["--until", "2026-03-01T23:00"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("LINEAGE_KEY", "canary-of-a-key")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

/// The spans of OTLP documents.
fn spans<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    let spans = documents.into_iter().flat_map(|document| {
        let spans = document.pointer("/resourceSpans/0/scopeSpans/0/spans");
        spans.unwrap().as_array().unwrap().clone()
    });
    spans.collect()
}

fn text<'a>(value: &'a Value, place: &str) -> &'a str {
    value.pointer(place).and_then(Value::as_str).unwrap_or("")
}

#[test]
fn a_day_is_heard_of_by_who_keeps_traces_and_lineage() {
    let (address, taken) = serve();
    let folder = tempfile::tempdir().unwrap();
    let exports = format!(
        "exports:
  traces: {{ url: \"{address}\", secret: \"X-Tenant=murmur%20one\" }}
  lineage: {{ url: \"{address}/base/\", secret: {{ env: LINEAGE_KEY }}, file: openlineage.jsonl }}
"
    );
    let said = day(folder.path(), &exports);
    assert!(
        said.contains("503"),
        "it says that a service is away: {said}"
    );
    assert!(!said.contains("canary"), "{said}");
    let taken = taken.lock().unwrap();
    let of = |path: &str| {
        taken
            .iter()
            .filter(|one| one.path == path)
            .collect::<Vec<_>>()
    };
    let (traces, lineage) = (of("/v1/traces"), of("/base/api/v1/lineage"));
    assert_eq!(traces.len() + lineage.len(), taken.len());
    let all_have = |of: &[&Taken], header: &str| {
        of.iter()
            .all(|one| one.headers.iter().any(|it| it.eq_ignore_ascii_case(header)))
    };
    assert!(all_have(&traces, "X-Tenant: murmur one"));
    assert!(all_have(&lineage, "Authorization: Bearer canary-of-a-key"));

    // Each run is a trace, whole, and the one leads to the other.
    let spans = spans(traces.iter().map(|one| &one.body));
    let roots: BTreeMap<&str, &Value> = spans
        .iter()
        .filter(|span| span.get("parentSpanId").is_none())
        .map(|span| (text(span, "/name"), span))
        .collect();
    assert_eq!(
        roots.keys().copied().collect::<Vec<_>>(),
        ["demo/broken", "demo/hello"]
    );
    let link = &roots["demo/broken"]["links"][0];
    assert_eq!(link["spanId"], roots["demo/hello"]["spanId"]);
    assert_eq!(roots["demo/broken"]["status"]["code"], 2);
    let ids: BTreeSet<&str> = spans.iter().map(|span| text(span, "/spanId")).collect();
    assert_eq!(ids.len(), spans.len());
    for span in &spans {
        let parent = text(span, "/parentSpanId");
        assert!(parent.is_empty() || ids.contains(parent), "{span}");
    }
    let attempts = |name: &str| spans.iter().filter(|it| text(it, "/name") == name).count();
    assert_eq!(attempts("flaky attempt"), 2);

    // Every run of a job begins and ends; the file holds what the service was told.
    let mut open: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in lineage.iter().map(|one| &one.body) {
        open.entry(text(event, "/run/runId"))
            .or_default()
            .push(text(event, "/eventType"));
    }
    for (run, mut told) in open {
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 2, "{run}: {told:?}");
        assert!(told.contains(&"START"), "{run}: {told:?}");
    }
    let written = fs::read_to_string(folder.path().join("openlineage.jsonl")).unwrap();
    let written: BTreeSet<&str> = written.lines().collect();
    let told: BTreeSet<String> = lineage.iter().map(|one| one.body.to_string()).collect();
    assert_eq!(written, told.iter().map(String::as_str).collect());
    let jobs: BTreeSet<&str> = lineage
        .iter()
        .map(|one| text(&one.body, "/job/name"))
        .collect();
    assert!(
        jobs.contains("hello") && jobs.contains("hello.flaky"),
        "{jobs:?}"
    );
}

#[test]
fn files_alone_need_no_service_and_work_knows_its_span() {
    let folder = tempfile::tempdir().unwrap();
    let exports = "exports: { traces: { file: traces/otlp.jsonl } }
environment: { OUT: \"{folder}/spans.txt\" }
";
    let told = "
tasks:
  tell: { batch: { job_definition: shell, queue: light, command: [sh, -c, 'echo $TRACEPARENT >> $OUT'] } }
schedule: { expression: \"cron(0 9 * * ? *)\", timezone: America/New_York }
";
    let workflow = folder.path().join("events/demo/workflows/told.yaml");
    fs::create_dir_all(workflow.parent().unwrap()).unwrap();
    fs::write(&workflow, told).unwrap();
    day(folder.path(), exports);
    assert!(!folder.path().join("openlineage.jsonl").exists());
    let written = fs::read_to_string(folder.path().join("traces/otlp.jsonl")).unwrap();
    let documents: Vec<Value> = written
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let spans = spans(&documents);
    let attempt = spans
        .iter()
        .find(|it| text(it, "/name") == "tell attempt")
        .unwrap();
    let expected = format!(
        "00-{}-{}-01",
        text(attempt, "/traceId"),
        text(attempt, "/spanId")
    );
    let known = fs::read_to_string(folder.path().join("spans.txt")).unwrap();
    assert_eq!(known.trim(), expected);
}
