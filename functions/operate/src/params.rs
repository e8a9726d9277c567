//! Params that a person gives to a run, against what the workflow takes.

use std::collections::BTreeMap;

use model::definition::Workflow;
use serde_json::Value;

use crate::{Stop, refused};

/// Refuses params that the workflow does not know, lacks, or takes as something else.
pub(crate) fn check(workflow: &Workflow, given: &BTreeMap<String, Value>) -> Result<(), Stop> {
    let reference = workflow.reference();
    for (name, value) in given {
        let Some(spec) = workflow.params.get(name) else {
            return refused(format!(
                "`{reference}` has no param `{name}`; it has {}",
                all(workflow)
            ));
        };
        let Some(kind) = kind(value) else {
            return refused(format!(
                "the param `{name}` must be a text, a number, or true or false; {value} is none"
            ));
        };
        let wanted = spec.default.as_ref().and_then(self::kind);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != kind) {
            return refused(format!(
                "the param `{name}` is {wanted}, and {value} is {kind}; its default is {}",
                spec.default.clone().unwrap_or_default()
            ));
        }
    }
    let missing = workflow
        .params
        .iter()
        .find(|(name, spec)| spec.default.is_none() && !given.contains_key(name.as_str()));
    match missing {
        Some((name, _)) => refused(format!(
            "`{reference}` needs the param `{name}`; give it a value"
        )),
        None => Ok(()),
    }
}

fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("a text"),
        Value::Number(_) => Some("a number"),
        Value::Bool(_) => Some("true or false"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn all(workflow: &Workflow) -> String {
    let names: Vec<&str> = workflow.params.keys().map(String::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
