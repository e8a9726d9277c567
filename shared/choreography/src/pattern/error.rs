//! Why an event pattern was refused, and where in it.
//!
//! Must not know which file the pattern stands in; whoever does adds line and column.

use std::fmt;

/// Says why a pattern is not one that EventBridge would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}; {hint}")]
pub struct PatternError {
    /// Where in the pattern, e.g. `detail.state[0].prefix`; `pattern` for the whole.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

/// A place inside a pattern, linked to the places around it.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Whole,
    Key(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place::Key(self, key)
    }

    pub(super) fn item(&'a self, index: usize) -> Place<'a> {
        Place::Item(self, index)
    }

    pub(super) fn refuse<T>(
        &self,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Result<T, PatternError> {
        Err(PatternError {
            path: self.to_string(),
            what: what.into(),
            hint: hint.into(),
        })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Whole => formatter.write_str("pattern"),
            Place::Key(Place::Whole, key) => formatter.write_str(key),
            Place::Key(parent, key) => write!(formatter, "{parent}.{key}"),
            Place::Item(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}
