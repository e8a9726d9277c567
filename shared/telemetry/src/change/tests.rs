//! Which changes are told, and that each is told once.

use serde_json::{Value, json};

use super::*;

/// What a change of an item gives, as `name[labels]=value`.
fn told(kind: &str, before: Option<&Value>, after: &Value) -> Vec<String> {
    let body = |value: &Value| Body::from(value.to_string());
    let before = before.map(body);
    let figures = figures(kind, before.as_ref(), &body(after));
    let one = |one: Measurement| {
        let labels = one.labels.join(",");
        format!("{}[{labels}]={}", one.metric.name(), one.value)
    };
    figures.into_iter().map(one).collect()
}

fn task_item(state: &str, changes: &Value) -> Value {
    let mut item = json!({
        "run": "weather--daily--2026-03-01",
        "task": "clean",
        "team": "weather",
        "workflow": "daily",
        "state": state,
        "generation": 1,
        "attempt": 1,
        "ready_at": "2026-03-01T05:00:00Z",
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    item
}

#[test]
fn a_task_is_told_when_it_moves_and_only_then() {
    let none = json!({});
    let started = json!({ "started_at": "2026-03-01T05:00:02.5Z" });
    let ended = json!({
        "started_at": "2026-03-01T05:00:02.5Z", "ended_at": "2026-03-01T05:01:02.5Z",
    });
    let mut failed = ended.clone();
    failed["failure"] = "infrastructure".into();
    let mut second = none.clone();
    second["attempt"] = 2.into();
    let (claimed, submitted) = (task_item("claimed", &none), task_item("submitted", &none));
    let running = task_item("running", &started);
    let succeeded = task_item("succeeded", &ended);
    let retrying = task_item("retrying", &second);
    let history =
        |retried: bool| json!({ "attempt": task_item("failed", &failed), "retried": retried });
    let blocked = task_item(
        "blocked",
        &json!({ "attempt": 0, "ended_at": "2026-03-01T05:00:00Z" }),
    );
    let start = [
        "attempts_started[weather]=1",
        "queue_to_start_seconds[weather]=2.5",
    ];
    let cases: [(Option<&Value>, &Value, &[&str]); 9] = [
        (None, &claimed, &[]),
        (Some(&claimed), &submitted, &[]),
        (Some(&submitted), &running, &start),
        (Some(&running), &running, &[]),
        (
            Some(&running),
            &succeeded,
            &[
                "task_duration_seconds[weather]=60",
                "tasks_succeeded[weather]=1",
            ],
        ),
        (
            // The event that it runs was lost.
            Some(&submitted),
            &succeeded,
            &[
                start[0],
                start[1],
                "task_duration_seconds[weather]=60",
                "tasks_succeeded[weather]=1",
            ],
        ),
        (Some(&running), &retrying, &["task_retries[weather]=1"]),
        (Some(&retrying), &task_item("claimed", &second), &[]),
        (None, &blocked, &["tasks_blocked[weather]=1"]),
    ];
    for (before, after, expected) in cases {
        assert_eq!(
            told(Task::KIND, before, after),
            expected,
            "{before:?} {after}"
        );
    }
    let ended = [
        "attempts_failed_infrastructure[weather]=1",
        "task_duration_seconds[weather]=60",
    ];
    let past = |before, retried| told(PastAttempt::KIND, Some(before), &history(retried));
    assert_eq!(past(&running, true), ended);
    // The event that it ran was lost.
    assert_eq!(
        past(&submitted, true),
        [start[0], start[1], ended[0], ended[1]]
    );
    // It was told at its end, long ago.
    assert!(past(&running, false).is_empty());
}

#[test]
fn a_run_is_told_when_it_moves_and_its_length_at_its_end() {
    let item = |state: &str, ended: Option<&str>| {
        json!({
            "run": "weather--daily--2026-03-01", "team": "weather", "workflow": "daily",
            "slot": "2026-03-01", "logical_date": "2026-03-01T05:00:00Z", "state": state,
            "generation": 1, "definition": "hash", "definition_since": 1,
            "cause": { "kind": "schedule" }, "created_at": "2026-03-01T05:00:00Z",
            "started_at": "2026-03-01T05:00:00Z", "ended_at": ended,
        })
    };
    let running = item("running", None);
    let failed = item("failed", Some("2026-03-01T05:00:30Z"));
    let cases: [(Option<&Value>, &Value, &[&str]); 4] = [
        (None, &running, &["runs_started[weather]=1"]),
        (Some(&running), &running, &[]),
        (
            Some(&running),
            &failed,
            &[
                "runs_failed[weather,daily]=1",
                "run_duration_seconds[weather,daily]=30",
            ],
        ),
        (Some(&failed), &failed, &[]),
    ];
    for (before, after, expected) in cases {
        assert_eq!(
            told(Run::KIND, before, after),
            expected,
            "{before:?} {after}"
        );
    }
}

#[test]
fn what_cannot_be_read_or_is_not_measured_tells_nothing() {
    let nonsense = json!({ "state": "odd" });
    assert!(told(Run::KIND, None, &nonsense).is_empty());
    assert!(told("place", None, &nonsense).is_empty());
}
