//! JSON values as DynamoDB attribute values, and back without loss.
//!
//! People read these attributes, so JSON maps to DynamoDB's own types. What those would change is
//! marked: DynamoDB writes `1.0` as `1`, takes no number beyond 1e125 and nests at most 32 deep.
//! Knows neither tables nor records.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

/// The mark of a number that DynamoDB would change: its only content is the number's text.
const FLOAT: &str = "$float";
/// The mark of what is nested too deep: its only content is the JSON's text.
const JSON: &str = "$json";
/// How deep values are nested before they become text; DynamoDB nests 32 deep.
const DEEPEST: usize = 28;

/// Writes a JSON value as an attribute.
pub fn from_json(value: &Value) -> AttributeValue {
    nested(value, 0)
}

fn nested(value: &Value, depth: usize) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(bool) => AttributeValue::Bool(*bool),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => from_number(number),
        Value::Array(_) | Value::Object(_) if depth == DEEPEST => marked(JSON, value.to_string()),
        Value::Array(values) => AttributeValue::L(
            values
                .iter()
                .map(|value| nested(value, depth + 1))
                .collect(),
        ),
        Value::Object(entries) => {
            let entries = entries.iter();
            let entry = |(name, value): (&String, &Value)| (escape(name), nested(value, depth + 1));
            AttributeValue::M(entries.map(entry).collect())
        }
    }
}

fn from_number(number: &Number) -> AttributeValue {
    let kept_as_it_is = match number.as_f64() {
        _ if number.is_u64() || number.is_i64() => true,
        Some(float) => float.fract() != 0.0 && (1e-100..1e100).contains(&float.abs()),
        None => false,
    };
    if kept_as_it_is {
        AttributeValue::N(number.to_string())
    } else {
        marked(FLOAT, number.to_string())
    }
}

fn marked(mark: &str, text: String) -> AttributeValue {
    AttributeValue::M(HashMap::from([(mark.to_owned(), AttributeValue::S(text))]))
}

/// Writes a name so that it is not empty and not a mark.
fn escape(name: &str) -> String {
    if name.is_empty() || name.starts_with('$') {
        format!("${name}")
    } else {
        name.to_owned()
    }
}

/// Reads a name that was escaped, here or as an attribute's.
pub fn unescape(name: &str) -> &str {
    name.strip_prefix('$').unwrap_or(name)
}

/// Reads an attribute as JSON; `None` for what `from_json` never writes. Sets become arrays in
/// order.
pub fn to_json(attribute: &AttributeValue) -> Option<Value> {
    match attribute {
        AttributeValue::Null(_) => Some(Value::Null),
        AttributeValue::Bool(bool) => Some(Value::Bool(*bool)),
        AttributeValue::S(text) => Some(Value::String(text.clone())),
        AttributeValue::N(text) => to_number(text),
        AttributeValue::L(values) => values.iter().map(to_json).collect(),
        AttributeValue::M(entries) => to_object(entries),
        AttributeValue::Ss(texts) => {
            let texts: BTreeSet<&String> = texts.iter().collect();
            Some(texts.into_iter().cloned().map(Value::String).collect())
        }
        _ => None,
    }
}

fn to_number(text: &str) -> Option<Value> {
    let number = if let Ok(number) = text.parse::<u64>() {
        number.into()
    } else if let Ok(number) = text.parse::<i64>() {
        number.into()
    } else {
        Number::from_f64(text.parse().ok()?)?
    };
    Some(Value::Number(number))
}

fn to_object(entries: &HashMap<String, AttributeValue>) -> Option<Value> {
    if entries.len() == 1 {
        if let Some(AttributeValue::S(text)) = entries.get(FLOAT) {
            return Number::from_f64(text.parse().ok()?).map(Value::Number);
        }
        if let Some(AttributeValue::S(text)) = entries.get(JSON) {
            return serde_json::from_str(text).ok();
        }
    }
    let entry = |(name, value): (&String, _)| Some((unescape(name).to_owned(), to_json(value)?));
    let entries: Option<Map<String, Value>> = entries.iter().map(entry).collect();
    entries.map(Value::Object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_back_as_they_were() {
        let mut deep = json!("bottom");
        for _ in 0..60 {
            deep = json!({ "down": [deep, 1.0] });
        }
        let cases = [
            json!(null),
            json!(true),
            json!(""),
            json!("ü\u{1F426}\"\\\n"),
            json!(0),
            json!(-1),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(0.1),
            json!(-2.5e-7),
            json!(1.0),
            json!(-0.0),
            json!(1e300),
            json!(5e-324),
            json!(123_456_789.123_456_79),
            json!([]),
            json!({}),
            json!([1, "b", null, { "c": [[]] }]),
            json!({ "": 1, "$": 2, "$float": 3, "$$json": 4, "float": 5 }),
            json!({ "$float": "not a number" }),
            json!({ "$json": "{}" }),
            deep,
        ];
        for value in cases {
            let read = to_json(&from_json(&value)).expect("what was written can be read");
            assert_eq!(read, value);
            assert_eq!(read.to_string(), value.to_string());
        }
    }

    #[test]
    fn people_see_dynamodbs_own_types() {
        assert_eq!(from_json(&json!(17)), AttributeValue::N("17".into()));
        assert_eq!(from_json(&json!(0.25)), AttributeValue::N("0.25".into()));
        let map = HashMap::from([("a".to_owned(), AttributeValue::S("b".into()))]);
        assert_eq!(from_json(&json!({ "a": "b" })), AttributeValue::M(map));
    }

    #[test]
    fn numbers_read_back_from_the_digits_dynamodb_gives() {
        let cases = [
            ("0.00000025", json!(2.5e-7)),
            ("1", json!(1)),
            ("-3", json!(-3)),
        ];
        for (text, value) in cases {
            assert_eq!(to_json(&AttributeValue::N(text.into())), Some(value));
        }
    }

    #[test]
    fn sets_read_as_arrays_in_order() {
        let set = AttributeValue::Ss(vec!["2s".into(), "0f".into(), "17s".into()]);
        assert_eq!(to_json(&set), Some(json!(["0f", "17s", "2s"])));
    }

    #[test]
    fn foreign_types_are_not_read() {
        let foreign = AttributeValue::Ns(vec!["1".into()]);
        assert_eq!(to_json(&AttributeValue::L(vec![foreign])), None);
    }
}
