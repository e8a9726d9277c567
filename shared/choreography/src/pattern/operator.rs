//! The operators of a pattern: `{"prefix": "a"}` and its like become conditions.
//!
//! Must not know fields, `$or` or events.

use serde_json::{Map, Value};

use super::cidr::Cidr;
use super::condition::{Bound, Condition, Exclusion, NumericRange};
use super::error::{PatternError, Place};
use super::parse::kind;
use super::wildcard::Wildcard;

/// The operators that EventBridge documents.
pub(super) const NAMES: [&str; 8] = [
    "prefix",
    "suffix",
    "equals-ignore-case",
    "wildcard",
    "anything-but",
    "numeric",
    "exists",
    "cidr",
];

/// Numbers in `numeric` lie between minus and plus this (EventBridge User Guide, "Numeric matching").
const LARGEST_NUMBER: f64 = 5.0e9;

/// Parses an operator with its operand.
pub(super) fn parse(
    entries: &Map<String, Value>,
    place: Place<'_>,
) -> Result<Condition, PatternError> {
    let (name, operand) = only_entry(entries, place)?;
    let here = place.key(name);
    match name {
        "prefix" | "suffix" => affix(name, operand, here),
        "equals-ignore-case" => Ok(Condition::EqualsIgnoringCase(
            text(operand, here)?.to_lowercase(),
        )),
        "wildcard" => wildcard(operand, here).map(Condition::Wildcard),
        "anything-but" => anything_but(operand, here).map(Condition::AnythingBut),
        "numeric" => numeric(operand, here).map(Condition::Numeric),
        "exists" => match operand {
            Value::Bool(true) => Ok(Condition::Exists),
            Value::Bool(false) => Ok(Condition::Absent),
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => here.refuse("is not true or false", "write true or false"),
        },
        "cidr" => match Cidr::parse(text(operand, here)?) {
            Ok(cidr) => Ok(Condition::Cidr(cidr)),
            Err(what) => here.refuse(what, "write e.g. 10.0.0.0/24 or 2001:db8::/32"),
        },
        unknown => here.refuse("is no operator", did_you_mean(unknown)),
    }
}

/// Parses a JSON number.
pub(super) fn number(value: &Value, place: Place<'_>) -> Result<f64, PatternError> {
    match value.as_f64().filter(|number| number.is_finite()) {
        Some(number) => Ok(number),
        None => place.refuse(
            format!("is {}, not a number", kind(value)),
            "write a number",
        ),
    }
}

fn only_entry<'a>(
    entries: &'a Map<String, Value>,
    place: Place<'_>,
) -> Result<(&'a str, &'a Value), PatternError> {
    let mut all = entries.iter();
    match (all.next(), all.next()) {
        (Some((name, operand)), None) => Ok((name, operand)),
        (None, _) | (Some(_), Some(_)) => {
            let what = format!("has {} operators, not one", entries.len());
            place.refuse(what, "give each operator its own object in the array")
        }
    }
}

fn did_you_mean(unknown: &str) -> String {
    let closest = NAMES
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, unknown), name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match closest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => format!("write one of {}", NAMES.join(", ")),
    }
}

fn text<'a>(operand: &'a Value, place: Place<'_>) -> Result<&'a str, PatternError> {
    match operand.as_str() {
        Some(text) => Ok(text),
        None => place.refuse(
            format!("is {}, not a string", kind(operand)),
            "write a string",
        ),
    }
}

fn wildcard(operand: &Value, place: Place<'_>) -> Result<Wildcard, PatternError> {
    Wildcard::parse(text(operand, place)?).or_else(|(what, hint)| place.refuse(what, hint))
}

fn affix(name: &str, operand: &Value, place: Place<'_>) -> Result<Condition, PatternError> {
    let is_prefix = name == "prefix";
    let Value::Object(entries) = operand else {
        let text = text(operand, place)?.to_owned();
        return Ok(if is_prefix {
            Condition::Prefix(text)
        } else {
            Condition::Suffix(text)
        });
    };
    let (inner, operand) = only_entry(entries, place)?;
    let here = place.key(inner);
    if inner != "equals-ignore-case" {
        return here.refuse(
            format!("is not possible inside {name}"),
            "write equals-ignore-case",
        );
    }
    let text = text(operand, here)?.to_lowercase();
    Ok(if is_prefix {
        Condition::PrefixIgnoringCase(text)
    } else {
        Condition::SuffixIgnoringCase(text)
    })
}

fn anything_but(operand: &Value, place: Place<'_>) -> Result<Exclusion, PatternError> {
    let Value::Object(entries) = operand else {
        let items = one_or_more(operand, place)?;
        if items.iter().all(|item| item.is_number()) {
            let numbers = items
                .iter()
                .map(|item| number(item, place))
                .collect::<Result<_, _>>()?;
            return Ok(Exclusion::Numbers(numbers));
        }
        if !items.iter().all(|item| item.is_string()) {
            let hint = "write a string, a number, a list of only strings or of only numbers, or an operator";
            return place.refuse("excludes neither only strings nor only numbers", hint);
        }
        return texts(operand, place).map(Exclusion::Texts);
    };
    let (name, operand) = only_entry(entries, place)?;
    let here = place.key(name);
    match name {
        "prefix" => not_empty(texts(operand, here)?, here).map(Exclusion::Prefixes),
        "suffix" => not_empty(texts(operand, here)?, here).map(Exclusion::Suffixes),
        "equals-ignore-case" => {
            let lower = texts(operand, here)?
                .iter()
                .map(|text| text.to_lowercase())
                .collect();
            Ok(Exclusion::IgnoringCase(lower))
        }
        "wildcard" => {
            let wildcards = one_or_more(operand, here)?
                .iter()
                .map(|item| wildcard(item, here));
            Ok(Exclusion::Wildcards(wildcards.collect::<Result<_, _>>()?))
        }
        _ => here.refuse(
            "is not possible inside anything-but",
            "write prefix, suffix, equals-ignore-case or wildcard",
        ),
    }
}

fn one_or_more<'a>(operand: &'a Value, place: Place<'_>) -> Result<&'a [Value], PatternError> {
    match operand {
        Value::Array(items) if items.is_empty() => {
            place.refuse("is an empty array", "list what is excluded")
        }
        Value::Array(items) => Ok(items),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Ok(std::slice::from_ref(operand))
        }
    }
}

fn texts(operand: &Value, place: Place<'_>) -> Result<Vec<String>, PatternError> {
    let items = one_or_more(operand, place)?;
    items
        .iter()
        .map(|item| text(item, place).map(str::to_owned))
        .collect()
}

fn not_empty(texts: Vec<String>, place: Place<'_>) -> Result<Vec<String>, PatternError> {
    if texts.iter().any(String::is_empty) {
        return place.refuse(
            "excludes every string with \"\"",
            "write at least one character",
        );
    }
    Ok(texts)
}

fn numeric(operand: &Value, place: Place<'_>) -> Result<NumericRange, PatternError> {
    let wrong = |what: &str| {
        let hint = "write e.g. [\"=\", 5], [\"<\", 10] or [\">\", 0, \"<=\", 5]";
        place.refuse(what, hint)
    };
    let items = match operand {
        Value::Array(items) if matches!(items.len(), 2 | 4) => items,
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => return wrong("is not an array of operators and numbers"),
    };
    let mut comparisons = Vec::new();
    for (index, pair) in items.chunks(2).enumerate() {
        let value = number(&pair[1], place.item(2 * index + 1))?;
        if value.abs() > LARGEST_NUMBER {
            let hint = "EventBridge compares numbers from -5.0e9 to 5.0e9";
            return place.item(2 * index + 1).refuse("is out of range", hint);
        }
        comparisons.push((pair[0].as_str(), value));
    }
    let bound = |value, inclusive| Some(Bound { value, inclusive });
    match comparisons[..] {
        [(Some("="), value)] => Ok(NumericRange {
            from: bound(value, true),
            to: bound(value, true),
        }),
        [(Some(lower @ (">" | ">=")), value)] => Ok(NumericRange {
            from: bound(value, lower == ">="),
            to: None,
        }),
        [(Some(upper @ ("<" | "<=")), value)] => Ok(NumericRange {
            from: None,
            to: bound(value, upper == "<="),
        }),
        [
            (Some(lower @ (">" | ">=")), from),
            (Some(upper @ ("<" | "<=")), to),
        ] => {
            if from >= to {
                return wrong("is a range that ends before it begins");
            }
            Ok(NumericRange {
                from: bound(from, lower == ">="),
                to: bound(to, upper == "<="),
            })
        }
        _ => wrong("combines operators that are no range"),
    }
}
