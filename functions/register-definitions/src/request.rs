//! What whoever deploys asks, and is answered.
//!
//! Paths are relative to `events/`. What is wrong with a set is told with the text `murmur check`
//! prints, so that a deployment that fails says all of it: as the answer to whoever has it checked,
//! as an error to whoever wants it registered.

use std::collections::BTreeMap;

use definitions::{SourceFile, render};
use ports::{Clock as _, Ports, Trouble};
use serde::{Deserialize, Serialize};

use crate::{Changes, Refused, Registered, register};

/// Asks to check or to register a whole set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub action: Action,
    /// Texts by path, such as `weather/workflows/daily_report.yaml`.
    pub files: BTreeMap<String, String>,
}

/// What is to be done with a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Says what is wrong with it; changes nothing.
    Check,
    /// Makes it what new runs and instances take.
    Register,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Checked {
        /// How many files.
        checked: usize,
        /// As `murmur check` prints them; empty when there are none.
        warnings: String,
    },
    /// The set that was to be checked is broken: all diagnostics, as `murmur check` prints them.
    Broken { broken: String },
    Registered {
        registered: Outcome,
        changes: Box<Changes>,
    },
}

/// Whether a registration changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This very set was registered before.
    Unchanged,
    Changed,
}

/// Why a request was not granted.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nothing was changed.
    #[error("{diagnostics}")]
    Broken { diagnostics: String },
    /// Asking again completes what was begun.
    #[error("the definitions could not be registered; asking again completes it: {0}")]
    Interrupted(Trouble),
}

impl RequestError {
    /// Names the kind in one word, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "BrokenDefinitions",
            Self::Interrupted(_) => "Interrupted",
        }
    }
}

/// Does what is asked.
pub async fn answer<P: Ports>(ports: &P, request: Request) -> Result<Answer, RequestError> {
    let files = request.files.into_iter();
    let file = |(path, text): (String, String)| SourceFile::new(format!("events/{path}"), text);
    let files: Vec<SourceFile> = files.map(file).collect();
    let shown = |diagnostics: &[definitions::Diagnostic]| render(diagnostics, &files, false);
    match request.action {
        Action::Check => {
            let checked = definitions::check(&files, ports.clock().now());
            let diagnostics = shown(&checked.diagnostics);
            Ok(match checked.definitions {
                Some(_) => Answer::Checked {
                    checked: files.len(),
                    warnings: diagnostics,
                },
                None => Answer::Broken {
                    broken: diagnostics,
                },
            })
        }
        Action::Register => match register(ports, &files).await {
            Ok(Registered::Unchanged) => Ok(Answer::Registered {
                registered: Outcome::Unchanged,
                changes: Box::default(),
            }),
            Ok(Registered::Changed(changes)) => Ok(Answer::Registered {
                registered: Outcome::Changed,
                changes,
            }),
            Err(Refused::Broken { diagnostics }) => Err(RequestError::Broken {
                diagnostics: shown(&diagnostics),
            }),
            Err(Refused::Interrupted(trouble)) => Err(RequestError::Interrupted(trouble)),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use testkit::{TestPorts, block_on, instant};

    use super::*;

    const TEAM: &str = "description: Weather\n";
    const GOOD: &str = "\
schedule: { expression: \"cron(0 5 * * ? *)\", timezone: UTC }
tasks: { clean: { batch: { job_definition: clean, queue: light } } }
";
    const BROKEN: &str = "tasks: { clean: { bach: { job_definition: clean, queue: light } } }\n";

    fn asked(action: &str, workflow: &str) -> Request {
        let files = json!({ "weather/team.yaml": TEAM, "weather/workflows/daily.yaml": workflow });
        serde_json::from_value(json!({ "action": action, "files": files })).unwrap()
    }

    fn answered(ports: &TestPorts, action: &str, workflow: &str) -> Result<Value, RequestError> {
        let answer = block_on(answer(ports, asked(action, workflow)))?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    #[test]
    fn a_good_set_is_checked_then_registered_once() {
        let ports = TestPorts::at(instant("2026-03-01T00:00:00Z"));
        let checked = answered(&ports, "check", GOOD).unwrap();
        assert_eq!(checked, json!({ "checked": 2, "warnings": "" }));
        let none = json!({ "added": [], "changed": [], "removed": [] });
        let expected = json!({
            "registered": "changed",
            "changes": {
                "teams": { "added": ["weather"], "changed": [], "removed": [] },
                "clusters": none,
                "workflows": { "added": ["weather/daily"], "changed": [], "removed": [] },
            },
        });
        assert_eq!(answered(&ports, "register", GOOD).unwrap(), expected);
        let expected = json!({
            "registered": "unchanged",
            "changes": { "teams": none, "clusters": none, "workflows": none },
        });
        assert_eq!(answered(&ports, "register", GOOD).unwrap(), expected);
    }

    #[test]
    fn a_broken_set_is_answered_as_murmur_check_does_and_changes_nothing() {
        let ports = TestPorts::at(instant("2026-03-01T00:00:00Z"));
        answered(&ports, "register", GOOD).unwrap();
        let files = [
            SourceFile::new("events/weather/team.yaml", TEAM),
            SourceFile::new("events/weather/workflows/daily.yaml", BROKEN),
        ];
        let checked = definitions::check(&files, ports.clock().now());
        let expected = render(&checked.diagnostics, &files, false);
        assert!(expected.contains("--> events/weather/workflows/daily.yaml:1:"));
        let checked = answered(&ports, "check", BROKEN).unwrap();
        assert_eq!(checked, json!({ "broken": expected }));
        let error = answered(&ports, "register", BROKEN).unwrap_err();
        assert_eq!(error.kind(), "BrokenDefinitions");
        assert_eq!(error.to_string(), expected);
        let again = answered(&ports, "register", GOOD).unwrap();
        assert_eq!(again["registered"], "unchanged");
    }

    #[test]
    fn a_warning_is_told_and_refuses_nothing() {
        let ports = TestPorts::at(instant("2026-03-01T00:00:00Z"));
        let over = GOOD.replace("cron(0 5 * * ? *)", "at(2020-01-01T00:00:00)");
        let checked = answered(&ports, "check", &over).unwrap();
        let warnings = checked["warnings"].as_str().unwrap();
        assert!(warnings.starts_with("warning["), "{warnings}");
    }

    #[test]
    fn what_is_not_asked_so_is_refused() {
        for request in [
            json!({ "action": "destroy", "files": {} }),
            json!({ "action": "check" }),
            json!({ "action": "check", "files": {}, "force": true }),
        ] {
            assert!(serde_json::from_value::<Request>(request).is_err());
        }
    }
}
