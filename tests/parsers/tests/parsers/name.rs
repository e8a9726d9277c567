//! Names and keys: what is read is written the same, and every slot makes a run id.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::expected::ScheduleRef;
use model::id::{RUN_ID_MAX, RunId, Slot};
use model::limit::LimitRef;
use model::name::{ClusterRef, Name, TaskName, TeamName, WorkflowRef};

use crate::endure::endures;
use crate::text;

const GRAMMAR: &[&str] = &[
    "weather",
    "daily_report",
    "a",
    "A",
    "_",
    "-",
    "--",
    "/",
    "#",
    "1",
    "1-1",
    "00",
    "+1",
    "pool/",
    "steps/",
    "limit/",
    "team-tasks/",
    "20260301t050000z",
    "2026-03-01",
    "2026-03-01T05:15:00Z",
    "workflow/",
    "cluster/",
    "tagged/",
    "=",
    ",",
    "provision",
    "resumed/",
];

fn reads_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string().parse::<T>().ok();
        assert_eq!(again, Some(read), "from {text:?}");
    }
}

#[test]
fn any_name_is_read_and_written_the_same() {
    endures("names", text::pieces(GRAMMAR), |text: &String| {
        reads_back::<AttemptKey>(text);
        reads_back::<InstanceKey>(text);
        reads_back::<LimitRef>(text);
        reads_back::<ScheduleRef>(text);
        reads_back::<WorkflowRef>(text);
        reads_back::<ClusterRef>(text);
        reads_back::<TaskName>(text);
        reads_back::<TeamName>(text);
        reads_back::<Name>(text);
        let workflow: WorkflowRef = "weather/daily".parse().unwrap();
        let run = RunId::of(&workflow, &Slot::from(text.as_str()));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        assert!(run.as_str().len() <= RUN_ID_MAX && run.as_str().chars().all(is_plain));
    });
}
