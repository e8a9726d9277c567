//! Values that are kept as JSON.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::scalar::schema;
use super::{Read, wrong_kind};
use crate::diagnostic::Findings;
use crate::yaml::{Kind, Node};

/// Anything, as JSON, with the tree it was written as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Json {
    pub(crate) value: serde_json::Value,
    pub(crate) node: Node,
}

impl Read for Json {
    fn read(node: &Node, _: &mut Findings<'_>) -> Option<Self> {
        Some(Self {
            value: node.to_json(),
            node: node.clone(),
        })
    }
}

schema!([] Json, "Json", json_schema!(true));

/// A text, a number or a boolean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plain(pub(crate) serde_json::Value);

impl Read for Plain {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) => Some(Self(node.to_json())),
            Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => {
                let help = "quote it; a parameter without a default is written `{}`";
                wrong_kind(node, findings, "a text, a number or a boolean", help);
                None
            }
        }
    }
}

schema!([] Plain, "Plain", json_schema!({ "type": ["string", "number", "boolean"] }));
