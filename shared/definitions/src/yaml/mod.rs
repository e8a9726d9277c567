//! YAML as a tree whose every value knows where it stands.
//!
//! Reports what YAML 1.1 would read otherwise, and refuses what definitions do not use. Must not
//! know what the values mean.

mod parse;
mod plain;

use crate::source::{At, Span};

pub(crate) use parse::parse;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where the value stands; the whole of it.
    pub(crate) at: Span,
    /// What is underlined when the value as such is meant: a scalar itself, else the key it belongs
    /// to, else the beginning of it.
    pub(crate) mark: Span,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Boolean(bool),
    /// As it is written: a decimal number.
    Number(String),
    Text(String),
    Sequence(Vec<Node>),
    /// In the order of the file; keys are unique.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: At<String>,
    pub(crate) value: Node,
}

impl Kind {
    /// Names the kind for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Boolean(value) => format!("the boolean `{value}`"),
            Self::Number(text) => format!("the number `{text}`"),
            Self::Text(_) => "a text".into(),
            Self::Sequence(_) => "a list".into(),
            Self::Mapping(_) => "a mapping".into(),
        }
    }
}

impl Node {
    /// Converts to JSON; numbers that are whole stay whole.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(value) => Value::Bool(*value),
            Kind::Number(text) => number(text),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Kind::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.value.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn number(text: &str) -> serde_json::Value {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    let broken = text
        .parse::<f64>()
        .ok()
        .and_then(serde_json::Number::from_f64);
    broken.map_or_else(|| text.into(), serde_json::Value::Number)
}
