//! What can be made to go wrong, by counting and never by chance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::asked::Service;

/// What goes wrong from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Each befalls one call: the next one it fits.
    pub calls: Vec<CallFault>,
    /// Each befalls every event it fits; the first that fits counts.
    pub events: Vec<EventFault>,
    /// Each lets the next cluster fail to bootstrap whose request contains it, such as by its name.
    pub failing_bootstraps: Vec<String>,
    /// Clusters created from now on have public names, which do not tell the private address.
    pub public_names: bool,
    /// How long a call without an answer is kept waiting before its connection closes.
    pub hang_ms: u64,
}

/// A call that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    pub operation: String,
    /// What its request must contain, such as a name; anything when empty.
    #[serde(default)]
    pub about: String,
    pub becomes: CallEnd,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// Nothing goes wrong.
    Sound,
    Throttled,
    NoAnswerButDone,
    NoAnswerAndNotDone,
    /// The server fails, having done nothing.
    ServerError,
}

/// Events that go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFault {
    pub service: Service,
    /// What its detail must contain, such as a name; anything when empty.
    #[serde(default)]
    pub about: String,
    /// The states it must tell one of; any when empty.
    #[serde(default)]
    pub states: BTreeSet<String>,
    pub becomes: EventEnd,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventEnd {
    Dropped,
    Doubled,
    /// It is late by so many milliseconds.
    Late(u64),
}

impl Faults {
    /// Takes what becomes of this call.
    pub fn take(&mut self, operation: &str, request: &str) -> CallEnd {
        let fits =
            |fault: &CallFault| fault.operation == operation && request.contains(&fault.about);
        match self.calls.iter().position(fits) {
            Some(index) => self.calls.remove(index).becomes,
            None => CallEnd::Sound,
        }
    }

    /// What becomes of an event; `None` when nothing goes wrong with it.
    pub fn of_event(&self, service: Service, state: &str, detail: &str) -> Option<EventEnd> {
        let mut faults = self.events.iter();
        let fault = faults.find(|fault| {
            fault.service == service
                && detail.contains(&fault.about)
                && (fault.states.is_empty() || fault.states.contains(state))
        });
        fault.map(|fault| fault.becomes)
    }

    /// Takes whether this cluster fails while it bootstraps.
    pub fn take_failing_bootstrap(&mut self, request: &str) -> bool {
        let mut about = self.failing_bootstraps.iter();
        let found = about.position(|about| request.contains(about));
        found
            .map(|index| self.failing_bootstraps.remove(index))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_the_next_call_it_fits_and_no_other() {
        let text = r#"{ "calls": [
            { "operation": "SubmitJob", "about": "night", "becomes": "throttled" },
            { "operation": "SubmitJob", "becomes": "no_answer_but_done" }
        ], "failing_bootstraps": ["night"] }"#;
        let mut faults: Faults = serde_json::from_str(text).unwrap();
        let calls = [
            ("RunJobFlow", "night", CallEnd::Sound),
            ("SubmitJob", "day", CallEnd::NoAnswerButDone),
            ("SubmitJob", "day", CallEnd::Sound),
            ("SubmitJob", "a night-1", CallEnd::Throttled),
            ("SubmitJob", "a night-1", CallEnd::Sound),
        ];
        for (operation, request, expected) in calls {
            assert_eq!(faults.take(operation, request), expected, "{request}");
        }
        let clusters = ["day-1", "night-1", "night-2"];
        let fail = clusters.map(|name| faults.take_failing_bootstrap(name));
        assert_eq!(fail, [false, true, false]);
    }

    #[test]
    fn events_go_wrong_by_what_they_tell_and_of_what() {
        let text = r#"{ "events": [
            { "service": "batch", "states": ["FAILED"], "becomes": "dropped" },
            { "service": "elasticmapreduce", "about": "night", "becomes": { "late": 500 } }
        ] }"#;
        let faults: Faults = serde_json::from_str(text).unwrap();
        let cases = [
            (Service::Batch, "FAILED", "day", Some(EventEnd::Dropped)),
            (Service::Batch, "RUNNING", "day", None),
            (Service::Emr, "FAILED", "day", None),
            (Service::Emr, "FAILED", "night", Some(EventEnd::Late(500))),
        ];
        for (service, state, detail, expected) in cases {
            assert_eq!(faults.of_event(service, state, detail), expected);
        }
    }
}
