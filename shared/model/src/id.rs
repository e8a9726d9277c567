//! Identities murmur gives: runs, slots, definitions, operations, events, and what compute
//! services call their things.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::name::{self, Name, TeamName, WorkflowRef};

/// The longest run id, in characters; an attempt key then leaves room for a deployment's name.
pub const RUN_ID_MAX: usize = 58;

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub std::sync::Arc<str>);

        impl $type {
            /// Borrows the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Identifies a run: `team--workflow--slot`, lower case, at most 58 characters; longer ones
    /// are cut and end in a hash.
    RunId
);
id!(
    /// Says what a run is for; unique per workflow. A scheduled slot is its instant in UTC, such
    /// as `2026-03-01T05:15:00Z`; others are an aligned day or hour, an event's key or a caller's.
    Slot
);
id!(
    /// Identifies the content of a definition: the SHA-256 of its JSON, 64 hexadecimal digits.
    DefinitionHash
);
id!(
    /// Identifies a person's operation; the caller chooses it, so that asking twice acts once.
    OperationId
);
id!(
    /// Identifies a fact; a hash of what happened, so a duplicate carries the same id.
    EventId
);
id!(
    /// What EMR calls an instance of a cluster: `j-…`.
    EmrClusterId
);
id!(
    /// What the compute service calls one submission: an EMR step `s-…` or a Batch job id.
    SubmissionId
);

/// Hashes the parts, each ended by a zero byte, to hexadecimal digits.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // By hand: formatting each byte cost a quarter of the engine's time per task.
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl Slot {
    /// The slot of a scheduled instant.
    pub fn of_instant(instant: Timestamp) -> Self {
        Self(instant.to_string().into())
    }
}

impl RunId {
    /// Derives the run's identity from what it is for (rule 4: one run per slot).
    pub fn of(workflow: &WorkflowRef, slot: &Slot) -> Self {
        let exact = written_in_id(slot.as_str());
        let readable = exact
            .clone()
            .unwrap_or_else(|| without_punctuation(slot.as_str()));
        let whole = format!("{}--{}--{readable}", workflow.team, workflow.name);
        if exact.is_some() && whole.len() <= RUN_ID_MAX {
            return Self(whole.into());
        }
        let team: &TeamName = &workflow.team;
        let name: &Name = &workflow.name;
        let hash = &digest([team.as_str(), name.as_str(), slot.as_str()])[..12];
        let room = RUN_ID_MAX - hash.len() - 2;
        let mut kept: String = whole.chars().take(room).collect();
        while kept.ends_with('-') || kept.ends_with('_') {
            kept.pop();
        }
        Self(format!("{kept}--{hash}").into())
    }
}

/// How a slot is written into a run id when nothing is lost by it: an instant or a date without its
/// punctuation; a name as it is, unless it looks like one of those.
fn written_in_id(slot: &str) -> Option<String> {
    let is_instant = slot
        .parse::<Timestamp>()
        .is_ok_and(|instant| instant.to_string() == slot);
    let is_date = slot
        .parse::<jiff::civil::Date>()
        .is_ok_and(|date| date.to_string() == slot);
    if is_instant || is_date {
        return Some(without_punctuation(slot));
    }
    let looks_like_one = slot
        .chars()
        .all(|c| c.is_ascii_digit() || c == 't' || c == 'z');
    let is_name = name::check(slot, RUN_ID_MAX).is_ok();
    (is_name && !looks_like_one).then(|| slot.to_owned())
}

fn without_punctuation(slot: &str) -> String {
    slot.chars()
        .map(|c| c.to_ascii_lowercase())
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(text: &str) -> WorkflowRef {
        text.parse().unwrap()
    }

    #[test]
    fn a_scheduled_run_reads_as_what_it_is_for() {
        let slot = Slot::from("2026-03-01T05:15:00Z");
        let id = RunId::of(&workflow("weather/daily_report"), &slot);
        assert_eq!(id.as_str(), "weather--daily_report--20260301t051500z");
    }

    #[test]
    fn a_slot_that_is_a_name_is_written_as_it_is() {
        let id = |slot: &str| RunId::of(&workflow("me/hello"), &Slot::from(slot)).to_string();
        assert_eq!(
            id("start-20261120-ed3f01a6"),
            "me--hello--start-20261120-ed3f01a6"
        );
        // Not where it could be taken for a date, an instant, or two parts of an id.
        for slot in [
            "20260301",
            "20260301t051500z",
            "a--b",
            "Ticket",
            "raw/b.csv",
        ] {
            let suffix = id(slot).rsplit_once("--").unwrap().1.to_owned();
            assert_eq!(suffix.len(), 12, "{slot} ends in a hash, {suffix}");
        }
    }

    #[test]
    fn slots_that_differ_only_in_punctuation_are_different_runs() {
        let workflow = workflow("weather/daily_report");
        let one = RunId::of(&workflow, &Slot::from("a.b"));
        let other = RunId::of(&workflow, &Slot::from("ab"));
        assert_ne!(one, other);
    }

    #[test]
    fn long_ids_are_cut_and_stay_apart() {
        let long = format!("{}/{}", "t".repeat(32), "w".repeat(64));
        let one = RunId::of(&workflow(&long), &Slot::from("2026-03-01"));
        let other = RunId::of(&workflow(&long), &Slot::from("2026-03-02"));
        assert!(one.as_str().len() <= RUN_ID_MAX);
        assert_ne!(one, other);
    }
}
