//! Events that start workflows: patterns and slots.

use choreography::pattern::{Pattern, PatternError};
use model::fact::SOURCE;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::Json;
use crate::source::{At, Span};
use crate::written::EventTrigger;
use crate::yaml::{Kind, Node};

/// Checks one trigger.
pub(super) fn check(trigger: &EventTrigger, findings: &mut Findings<'_>) {
    if let Some(pattern) = trigger.pattern.get() {
        check_pattern(pattern, findings);
    }
    if let Some(slot) = &trigger.slot
        && slot.value.0.split('.').any(|step| step.trim().is_empty())
    {
        findings
            .error(
                Code::BadValue,
                slot.at,
                format!("`{}` is not a path", slot.value.0),
            )
            .help("write e.g. `detail.order_id`");
    }
}

fn check_pattern(pattern: &At<Json>, findings: &mut Findings<'_>) {
    let written = &pattern.value;
    match Pattern::parse(&written.value) {
        Err(error) => {
            let at = place(&written.node, &error);
            let message = format!("{} {}", error.path, error.what);
            findings
                .error(Code::BadPattern, at, message)
                .help(error.hint);
        }
        Ok(parsed) if parsed.could_match_source(SOURCE) => {
            let source = child(&written.node, "source").map(|node| node.mark);
            let message = "this pattern could match murmur's own facts";
            findings
                .error(Code::OwnFacts, source.unwrap_or(pattern.at), message)
                .help("name the sources, e.g. `source: [aws.s3]`; after a workflow of murmur comes `after`");
        }
        Ok(_) => {}
    }
}

/// Finds where in the tree a pattern is wrong, as far as its path can be followed.
fn place(root: &Node, error: &PatternError) -> Span {
    let mut node = root;
    let mut rest = error.path.as_str();
    while !rest.is_empty() {
        let next = match &node.kind {
            Kind::Mapping(entries) => entries
                .iter()
                .filter(|entry| {
                    let tail = rest.strip_prefix(entry.key.value.as_str());
                    tail.is_some_and(|tail| tail.is_empty() || tail.starts_with(['.', '[']))
                })
                .max_by_key(|entry| entry.key.value.len())
                .map(|entry| (&entry.value, &rest[entry.key.value.len()..])),
            Kind::Sequence(items) => rest.strip_prefix('[').and_then(|rest| {
                let (index, tail) = rest.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, tail))
            }),
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) => None,
        };
        let Some((found, tail)) = next else { break };
        node = found;
        rest = tail.trim_start_matches('.');
    }
    node.mark
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Mapping(entries) => entries
            .iter()
            .find(|entry| entry.key.value == key)
            .map(|entry| &entry.value),
        Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) | Kind::Sequence(_) => None,
    }
}
