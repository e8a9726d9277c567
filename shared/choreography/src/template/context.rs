//! What a template may say: the variables of one attempt, and their values.
//!
//! Must not know syntax; it takes paths.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::syntax::{Reference, Segment};

/// The variables that are one value each.
pub(super) const PLAIN: [&str; 11] = [
    "attempt",
    "generation",
    "logical_date",
    "logical_time",
    "run",
    "slot",
    "storage",
    "task",
    "team",
    "traceparent",
    "workflow",
];

/// Holds what the templates of one attempt of a task may use.
#[derive(Debug, Clone, Copy)]
pub struct TemplateContext<'a> {
    /// `team`: the team's name.
    pub team: &'a str,
    /// `workflow`: the workflow's name within its team.
    pub workflow: &'a str,
    /// `task`: the task's name.
    pub task: &'a str,
    /// `run`: the run's id.
    pub run: &'a str,
    /// `slot`: what the run is for, as text.
    pub slot: &'a str,
    /// `logical_time` and `logical_date`: the slot's instant in the workflow's zone.
    pub logical_time: &'a Zoned,
    /// `generation`, counted from 1.
    pub generation: u32,
    /// `attempt`, counted from 1.
    pub attempt: u32,
    /// `traceparent`: the attempt's span, as W3C Trace Context has it.
    pub traceparent: &'a str,
    /// `params.<name>`.
    pub params: &'a BTreeMap<String, Value>,
    /// `item.<key>`: the values of `for_each` this task stands for.
    pub items: &'a BTreeMap<String, String>,
    /// The tasks that `upstream.<task>.storage` may name: those the task is declared to come after.
    pub upstreams: &'a BTreeSet<String>,
    /// `event.<path>`: the bus event that started the run, if one did.
    pub event: Option<&'a Value>,
}

/// Names the prefix under which a task stores its results for a logical date.
pub fn storage_prefix(team: &str, workflow: &str, task: &str, logical_date: Date) -> String {
    format!("{team}/{workflow}/{task}/{logical_date}")
}

impl TemplateContext<'_> {
    /// Builds the values that the references need, so that a large event is not copied for nothing.
    pub(super) fn values(&self, references: &[Reference]) -> Value {
        let used = |wanted: &str| {
            references.iter().any(|reference| {
                matches!(reference.path.first(), Some(Segment::Name(root)) if root == wanted)
            })
        };
        let logical_date = self.logical_time.date();
        let storage = |task: &str| storage_prefix(self.team, self.workflow, task, logical_date);
        let mut values = json!({
            "attempt": self.attempt,
            "generation": self.generation,
            "logical_date": logical_date.to_string(),
            "logical_time": self.logical_time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "run": self.run,
            "slot": self.slot,
            "storage": storage(self.task),
            "task": self.task,
            "team": self.team,
            "traceparent": self.traceparent,
            "workflow": self.workflow,
        });
        if used("params") {
            values["params"] = json!(self.params);
        }
        if used("item") {
            values["item"] = json!(self.items);
        }
        if used("upstream") {
            let upstreams = self.upstreams.iter();
            values["upstream"] = upstreams
                .map(|task| (task.clone(), json!({ "storage": storage(task) })))
                .collect::<Map<_, _>>()
                .into();
        }
        if let Some(event) = self.event.filter(|_| used("event")) {
            values["event"] = event.clone();
        }
        values
    }
}

/// Follows a path; gives what is missing or cannot be written as text, with what would be right.
pub(super) fn require_text(values: &Value, reference: &Reference) -> Result<(), (String, String)> {
    let dotted = reference.dotted();
    let mut value = values;
    for segment in &reference.path {
        let next = match segment {
            Segment::Name(name) => value.get(name),
            Segment::Index(index) => value.get(index),
        };
        value = next.ok_or_else(|| {
            let hint = match reference.path.first() {
                Some(Segment::Name(root)) if root == "event" && values.get("event").is_none() => {
                    "only runs that an event started have one"
                }
                Some(_) | None => "give it a value, or leave it out of the template",
            };
            (format!("`{dotted}` has no value"), hint.to_owned())
        })?;
    }
    let kind = match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => return Ok(()),
        Value::Null => "null",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Err((
        format!("`{dotted}` is {kind}"),
        "name a string, number or boolean".to_owned(),
    ))
}
