//! JSON becomes a pattern, as strictly as EventBridge takes it.
//!
//! `$or` is multiplied out, as EventBridge does: a pattern is a list of alternatives. Must not know events.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::condition::Condition;
use super::error::{PatternError, Place};
use super::event::Alternative;
use super::operator;

/// EventBridge refuses patterns whose `$or` multiply to more alternatives.
const MOST_ALTERNATIVES: usize = 1_000;

/// These may not be names of fields inside `$or`, so that a misplaced operator is not read as a field.
const RESERVED_INSIDE_OR: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// Parses a whole pattern into its alternatives.
pub(super) fn alternatives(pattern: &Value) -> Result<Vec<Alternative>, PatternError> {
    let Value::Object(entries) = pattern else {
        let hint = "write e.g. {\"source\": [\"aws.s3\"]}";
        return Place::Whole.refuse(format!("is {}, not an object", kind(pattern)), hint);
    };
    object(entries, Place::Whole, "", false, vec![Alternative::new()])
}

fn object(
    entries: &Map<String, Value>,
    place: Place<'_>,
    name: &str,
    inside_or: bool,
    mut alternatives: Vec<Alternative>,
) -> Result<Vec<Alternative>, PatternError> {
    if entries.is_empty() {
        return place.refuse(
            "is an empty object",
            "name a field, e.g. {\"source\": [\"aws.s3\"]}",
        );
    }
    for (key, value) in entries {
        let here = place.key(key);
        if key == "$or" {
            alternatives = or(value, here, name, &alternatives)?;
            continue;
        }
        if inside_or && RESERVED_INSIDE_OR.contains(&key.as_str()) {
            let hint = "name the field first: {\"$or\": [{\"field\": [{\"prefix\": \"a\"}]}, …]}";
            return here.refuse("is an operator and not a field", hint);
        }
        let name = if name.is_empty() {
            key.clone()
        } else {
            format!("{name}.{key}")
        };
        alternatives = match value {
            Value::Object(entries) => object(entries, here, &name, inside_or, alternatives)?,
            Value::Array(items) => leaf(items, here, &name, alternatives)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let hint = if operator::NAMES.contains(&key.as_str()) {
                    format!("put the operator into an array: [{{\"{key}\": {value}}}]")
                } else {
                    format!("put it into an array: [{value}]")
                };
                return here.refuse(format!("is {}, not an object or array", kind(value)), hint);
            }
        };
    }
    Ok(alternatives)
}

fn or(
    value: &Value,
    place: Place<'_>,
    name: &str,
    alternatives: &[Alternative],
) -> Result<Vec<Alternative>, PatternError> {
    let branches = match value {
        Value::Array(branches) if branches.len() >= 2 => branches,
        Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_) => {
            let hint = "write {\"$or\": [{\"a\": [1]}, {\"b\": [2]}]}";
            return place.refuse("is not an array of two or more objects", hint);
        }
    };
    let mut multiplied = Vec::new();
    for (index, branch) in branches.iter().enumerate() {
        let here = place.item(index);
        let Value::Object(entries) = branch else {
            return here.refuse(
                format!("is {}, not an object", kind(branch)),
                "name a field in it",
            );
        };
        multiplied.extend(object(entries, here, name, true, alternatives.to_vec())?);
        if multiplied.len() > MOST_ALTERNATIVES {
            return place.refuse(
                format!("multiplies to more than {MOST_ALTERNATIVES} combinations"),
                "split the pattern into several",
            );
        }
    }
    Ok(multiplied)
}

fn leaf(
    items: &[Value],
    place: Place<'_>,
    name: &str,
    mut alternatives: Vec<Alternative>,
) -> Result<Vec<Alternative>, PatternError> {
    if items.is_empty() {
        return place.refuse("is an empty array", "list the values to match");
    }
    let conditions: Vec<Condition> = items
        .iter()
        .enumerate()
        .map(|(index, item)| condition(item, place.item(index)))
        .collect::<Result<_, _>>()?;
    let conditions: Arc<[Condition]> = conditions.into();
    for alternative in &mut alternatives {
        if alternative
            .insert(name.to_owned(), Arc::clone(&conditions))
            .is_some()
        {
            return place.refuse(
                format!("`{name}` is given twice"),
                "list all values in one array, or give each branch of $or its own",
            );
        }
    }
    Ok(alternatives)
}

fn condition(item: &Value, place: Place<'_>) -> Result<Condition, PatternError> {
    match item {
        Value::String(text) => Ok(Condition::Text(text.clone())),
        Value::Number(_) => operator::number(item, place).map(Condition::Number),
        Value::Bool(value) => Ok(Condition::Boolean(*value)),
        Value::Null => Ok(Condition::Null),
        Value::Object(entries) => operator::parse(entries, place),
        Value::Array(_) => place.refuse(
            "is an array inside an array",
            "list the values in the outer one",
        ),
    }
}

/// Names the kind of a JSON value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
