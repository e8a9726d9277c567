//! EventBridge event patterns: which bus events start a workflow.
//!
//! EventBridge itself matches on AWS; this is the same for the local engine, and for `murmur check`, which
//! must refuse what EventBridge would refuse. The semantics are those of `aws/event-ruler`, the library
//! that EventBridge runs. Must not know workflows, buses, or what an event is about.

mod cidr;
mod condition;
mod error;
mod event;
mod operator;
mod parse;
mod wildcard;

use serde_json::Value;

use self::condition::Condition;
use self::error::Place;
use self::event::{Alternative, Fields};

pub use self::error::PatternError;

/// EventBridge refuses longer patterns.
pub const MOST_CHARACTERS: usize = 2_048;

/// Tells events that a workflow wants from all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    alternatives: Vec<Alternative>,
}

impl Pattern {
    /// Parses a pattern, and refuses what EventBridge refuses.
    pub fn parse(pattern: &Value) -> Result<Pattern, PatternError> {
        let characters = characters(pattern);
        if characters > MOST_CHARACTERS {
            return Place::Whole.refuse(
                format!("has {characters} characters, more than {MOST_CHARACTERS}"),
                "ask for less, e.g. with prefix or wildcard, or split it into several",
            );
        }
        Ok(Pattern {
            alternatives: parse::alternatives(pattern)?,
        })
    }

    /// Tells whether an event is one that the pattern asks for.
    pub fn matches(&self, event: &Value) -> bool {
        if !event.is_object() {
            return false;
        }
        let names = self
            .alternatives
            .iter()
            .flat_map(|alternative| alternative.keys());
        let fields = Fields::collect(event, &names.map(String::as_str).collect());
        self.alternatives
            .iter()
            .any(|alternative| fields.fulfil(alternative))
    }

    /// Tells whether an event whose `source` begins with `prefix` could match.
    ///
    /// A pattern that says nothing about `source` could.
    pub fn could_match_source(&self, prefix: &str) -> bool {
        self.alternatives.iter().any(|alternative| {
            alternative.iter().all(|(name, conditions)| {
                if name == "source" {
                    conditions
                        .iter()
                        .any(|condition| condition.could_match_start(prefix))
                } else if name.starts_with("source.") {
                    // A source is a string, so there is nothing inside it.
                    conditions.contains(&Condition::Absent)
                } else {
                    true
                }
            })
        })
    }
}

/// Counts characters as Terraform's `jsonencode` writes the pattern for EventBridge: without white space,
/// but with `<`, `>` and `&` as six characters each.
fn characters(pattern: &Value) -> usize {
    pattern
        .to_string()
        .chars()
        .map(|character| match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests;
