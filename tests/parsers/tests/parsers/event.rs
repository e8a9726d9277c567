//! What lies in inboxes: facts, murmur's own messages, events of EMR and Batch, and anything else.

use std::fs;

use aws::envelope;
use model::message::Message;
use serde_json::{Value, json};

use crate::endure::endures;
use crate::text;

const GRAMMAR: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "specversion",
    "1.0",
    "detail-type",
    "detail",
    "EMR Step Status Change",
    "EMR Cluster State Change",
    "Batch Job State Change",
    "COMPLETED",
    "RUNNING",
    "SUCCEEDED",
    "time",
    "2026-03-01T00:00:00Z",
    "9999-99-99T99:99:99Z",
    "name",
    "murmur--weather--daily--1--clean--1-1",
    "murmur--weather--etl--20260301t050000z--1",
    "state",
    "status",
    "tick",
    "fact",
    "work",
    "cluster",
    "start",
    "drain",
    "sweep",
    "event",
    "murmur.task.ready.v1",
    "type",
    "data",
    "jobName",
    "stepId",
    "clusterId",
];

/// Every public fact, and one event of each kind.
fn real() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/model/facts");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let facts: Vec<String> = files
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(facts.len() > 20, "every fact has a sample");
    let own = facts.iter().map(|text| {
        let fact: Value = serde_json::from_str(text).unwrap();
        json!({ "fact": fact }).to_string()
    });
    let work = "murmur--weather--daily--1--clean--1-1";
    let events = [
        event(
            "EMR Step Status Change",
            json!({
                "name": work, "stepId": "s-1", "clusterId": "j-1", "state": "COMPLETED",
                "actionOnFailure": "CONTINUE", "severity": "INFO", "message": "Step s-1",
            }),
        ),
        event(
            "EMR Cluster State Change",
            json!({
                "name": "murmur--weather--etl--20260301t050000z--1", "clusterId": "j-1",
                "state": "TERMINATED", "stateChangeReason": "{\"code\":\"USER_REQUEST\"}",
            }),
        ),
        event(
            "Batch Job State Change",
            json!({
                "jobName": work, "jobId": "a-b:3", "jobQueue": "arn:aws:batch:x:1:job-queue/light",
                "status": "FAILED", "statusReason": "Host EC2", "attempts": [],
                "container": { "exitCode": 137, "reason": "OutOfMemoryError" },
            }),
        ),
    ];
    own.chain(events).chain(facts.clone()).collect()
}

fn event(detail_type: &str, detail: Value) -> String {
    json!({
        "version": "0", "id": "1", "detail-type": detail_type, "source": "aws.emr",
        "account": "1", "time": "2026-03-01T00:00:00Z", "region": "r", "resources": [],
        "detail": detail,
    })
    .to_string()
}

fn ends(body: &str) {
    let deployment = "murmur".parse().unwrap();
    if let Ok(Some(message)) = envelope::read(body, &deployment) {
        let written = serde_json::to_string(&message).unwrap();
        let again: Message = serde_json::from_str(&written).unwrap();
        assert_eq!(again, message, "what was read can be sent on");
    }
}

#[test]
fn real_events_are_read() {
    let deployment = "murmur".parse().unwrap();
    for body in real() {
        let read = envelope::read(&body, &deployment);
        assert!(read.is_ok(), "{body}: {read:?}");
    }
}

#[test]
fn any_event_is_read() {
    endures(
        "events, damaged",
        text::damaged_text(real(), GRAMMAR),
        |body| ends(body),
    );
    endures("events, any", text::pieces(GRAMMAR), |body| ends(body));
    endures("events, any JSON", text::json(GRAMMAR), |value| {
        ends(&value.to_string());
    });
}
