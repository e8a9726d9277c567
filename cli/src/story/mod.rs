//! A run's story: the lines that functions logged about it, wherever they ran.
//!
//! Each is a line of JSON that names its run in the field `run`. Knows nothing of where they are kept
//! but for the file of an engine on this machine ([`file`]).

pub mod file;

use std::collections::BTreeSet;

use model::Timestamp;
use model::id::RunId;
use serde::Serialize;
use serde_json::{Map, Value};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// When it was logged.
    pub at: Timestamp,
    pub function: String,
    pub level: String,
    pub message: String,
    /// Whatever else it says.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Told {
    /// Reads a line; `None` when it is none of a function's. What its functions' names begin with
    /// goes without saying.
    pub fn read(line: &str, prefix: &str) -> Option<Self> {
        let Value::Object(mut fields) = serde_json::from_str(line).ok()? else {
            return None;
        };
        let mut text = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) | None => None,
        };
        let at = text("timestamp")?.parse().ok()?;
        let (level, message) = (text("level")?, text("message")?);
        text("target");
        let span = fields.remove("span").unwrap_or_default();
        let function = span["function"].as_str().unwrap_or_default();
        let function = function.strip_prefix(prefix).unwrap_or(function);
        Some(Self {
            at,
            function: function.to_owned(),
            level,
            message,
            fields,
        })
    }

    /// A field that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name)?.as_u64()
    }
}

/// What is told of a run, in the order of time; a fact that was told again is told once.
pub fn of(run: &RunId, lines: impl IntoIterator<Item = Told>) -> Vec<Told> {
    let about = |told: &Told| told.text("run") == Some(run.as_str());
    let mut told: Vec<Told> = lines.into_iter().filter(about).collect();
    told.sort_by_key(|told| told.at);
    let mut events = BTreeSet::new();
    told.retain(|told| {
        let event = told.text("event").map(str::to_owned);
        event.is_none_or(|event| events.insert(event))
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: &str, run: &str, event: &str) -> String {
        format!(
            r#"{{"timestamp":"{at}","level":"INFO","message":"task.ready","event":"{event}","run":"{run}","task":"clean","attempt":1,"target":"telemetry::fact","span":{{"function":"prod-start-run","name":"invocation"}}}}"#
        )
    }

    #[test]
    fn a_story_has_each_fact_once_in_order() {
        let run = RunId::from("weather--daily--1");
        let lines = [
            line("2026-03-01T05:00:02.5Z", run.as_str(), "b"),
            line("2026-03-01T05:00:01Z", run.as_str(), "a"),
            line("2026-03-01T05:00:09Z", run.as_str(), "a"),
            line("2026-03-01T05:00:01Z", "weather--daily--10", "c"),
        ];
        let lines = lines.iter().filter_map(|line| Told::read(line, "prod-"));
        let story = of(&run, lines);
        let events: Vec<_> = story.iter().filter_map(|told| told.text("event")).collect();
        assert_eq!(events, ["a", "b"]);
        let first = &story[0];
        assert_eq!(first.at.to_string(), "2026-03-01T05:00:01Z");
        assert_eq!(
            (first.function.as_str(), first.message.as_str()),
            ("start-run", "task.ready")
        );
        assert_eq!(first.number("attempt"), Some(1));
    }

    #[test]
    fn what_others_write_is_no_line() {
        for other in [
            "START RequestId: 1",
            "{}",
            "[]",
            "\"text\"",
            "{\"_aws\":{}}",
        ] {
            assert_eq!(Told::read(other, ""), None, "{other}");
        }
    }
}
