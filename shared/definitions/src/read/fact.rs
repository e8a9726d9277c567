//! Facts by their short names, such as `task.failed` for `murmur.task.failed.v1`.

use model::alert::FACTS;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::scalar::schema;
use super::{Read, Text};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::yaml::Node;

/// The short name of a fact murmur publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactName(pub(crate) String);

fn known() -> impl Iterator<Item = &'static str> + Clone {
    FACTS.into_iter()
}

impl Read for FactName {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let Text(text) = Text::read(node, findings)?;
        if known().any(|fact| fact == text) {
            return Some(Self(text));
        }
        let help = findings.suggestions.help(&text, known());
        findings
            .error(
                Code::UnknownValue,
                node.mark,
                format!("no alert is about a fact `{text}`"),
            )
            .maybe_help(help);
        None
    }
}

schema!([] FactName, "FactName", json_schema!({ "enum": known().collect::<Vec<_>>() }));
