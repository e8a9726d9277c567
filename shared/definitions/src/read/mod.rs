//! Reads trees into typed values, collecting every problem on the way.
//!
//! A value that cannot be read is reported where it stands and left out; its neighbours are read all
//! the same. The structs are declared with `written!`, which makes the keys that are read and the
//! keys of the JSON Schema the same by construction. Must not know what definitions mean.

mod fact;
mod json;
mod mapping;
mod scalar;
mod shape;

pub(crate) use fact::FactName;
pub(crate) use json::{Json, Plain};
pub(crate) use mapping::written;
pub(crate) use mapping::{Map, Mapping};
pub(crate) use scalar::{Argument, ClockTime, Duration, Flag, Percent, Text, Whole, Word};
pub(crate) use shape::{OneOrMany, ShortOr};

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::{At, Span};
use crate::yaml::{Kind, Node};

/// Says how a type is read from a tree.
pub(crate) trait Read: Sized {
    /// Reads a value; `None`, and a finding, when it cannot be.
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self>;

    /// The value of a key that is not there; `None` when it must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// What stands for a value that could not be read, or is missing here, so that what is around
    /// it can be read all the same.
    fn unread(_at: Span) -> Option<Self> {
        None
    }
}

impl<T: Read> Read for Option<T> {
    /// Never fails: what cannot be read was reported.
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        Some(T::read(node, findings))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A value that was looked for; what was wrong with it was reported. What holds it is whole without
/// it, so one problem hides no other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tried<T> {
    pub(crate) value: Option<T>,
    pub(crate) at: Span,
}

impl<T> Tried<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T: Read> Read for Tried<T> {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        Some(Self {
            value: T::read(node, findings),
            at: node.mark,
        })
    }

    fn unread(at: Span) -> Option<Self> {
        Some(Self { value: None, at })
    }
}

impl<T: Read> Read for Vec<T> {
    /// Leaves out the items that cannot be read.
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(items) => Some(
                items
                    .iter()
                    .filter_map(|item| T::read(item, findings))
                    .collect(),
            ),
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) | Kind::Mapping(_) => {
                wrong_kind(
                    node,
                    findings,
                    "a list",
                    "write `[a, b]`, or one `- a` a line",
                );
                None
            }
        }
    }
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        Some(Self {
            value: T::read(node, findings)?,
            at: node.mark,
        })
    }
}

/// Reports that a value is of another kind than it must be.
pub(crate) fn wrong_kind(node: &Node, findings: &mut Findings<'_>, expected: &str, help: &str) {
    let found = node.kind.describe();
    let message = format!("this must be {expected}, not {found}");
    findings
        .error(Code::WrongKind, node.mark, message)
        .help(help);
}
