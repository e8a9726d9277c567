//! What can be made to go wrong, by counting and never by chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// What goes wrong from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// What becomes of the next calls of an operation, in order; later ones are answered truly.
    pub answers: BTreeMap<String, VecDeque<CallFault>>,
    pub emr_events: EventFaults,
    pub batch_events: EventFaults,
    /// How many of the next clusters fail while they bootstrap.
    pub failing_bootstraps: u32,
    /// Clusters created from now on have public names, which do not tell the private address.
    pub public_names: bool,
    /// How long a call without an answer is kept waiting before its connection closes.
    pub hang_ms: u64,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallFault {
    /// Nothing goes wrong.
    Sound,
    Throttled,
    NoAnswerButDone,
    NoAnswerAndNotDone,
    /// The server fails, having done nothing.
    ServerError,
}

/// What goes wrong with the events of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventFaults {
    pub drop: States,
    pub duplicate: States,
    pub delay: States,
    /// By how much those events are late.
    pub delay_ms: u64,
}

/// Events by the states they tell; `*` is every state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct States(BTreeSet<String>);

impl States {
    /// Whether events that tell this state are meant.
    pub fn hold(&self, state: &str) -> bool {
        self.0.contains("*") || self.0.contains(state)
    }
}

impl Faults {
    /// Takes what becomes of this call.
    pub fn take(&mut self, operation: &str) -> CallFault {
        let next = self
            .answers
            .get_mut(operation)
            .and_then(VecDeque::pop_front);
        next.unwrap_or(CallFault::Sound)
    }

    /// Takes whether this cluster fails while it bootstraps.
    pub fn take_failing_bootstrap(&mut self) -> bool {
        let fails = self.failing_bootstraps > 0;
        self.failing_bootstraps = self.failing_bootstraps.saturating_sub(1);
        fails
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_in_order() {
        let text = r#"{ "answers": { "SubmitJob": ["throttled", "sound", "no_answer_but_done"] }, "failing_bootstraps": 1 }"#;
        let mut faults: Faults = serde_json::from_str(text).unwrap();
        let taken: Vec<CallFault> = (0..4).map(|_| faults.take("SubmitJob")).collect();
        let sound = CallFault::Sound;
        let expected = [
            CallFault::Throttled,
            sound,
            CallFault::NoAnswerButDone,
            sound,
        ];
        assert_eq!(taken, expected);
        assert_eq!(faults.take("RunJobFlow"), sound);
        let bootstraps: Vec<bool> = (0..2).map(|_| faults.take_failing_bootstrap()).collect();
        assert_eq!(bootstraps, [true, false]);
    }

    #[test]
    fn states_are_named_one_by_one_or_all() {
        let states = |text: &str| serde_json::from_str::<States>(text).unwrap();
        assert!(states(r#"["*"]"#).hold("FAILED"));
        assert!(states(r#"["FAILED"]"#).hold("FAILED"));
        assert!(!states(r#"["FAILED"]"#).hold("COMPLETED"));
        assert!(!states("[]").hold("COMPLETED"));
    }
}
