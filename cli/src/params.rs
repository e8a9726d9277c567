//! Params on the command line: `name=value`, read as the workflow takes them.

use std::collections::BTreeMap;

use model::definition::Workflow;
use serde_json::Value;

use crate::exit::Failure;
use crate::view::find;

/// Reads `name=value` pairs.
pub fn read(workflow: &Workflow, given: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    let mut params = BTreeMap::new();
    for pair in given {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(Failure::usage(format!("`{pair}` is not name=value"))
                .help("write --param name=value"));
        };
        let Some(spec) = workflow.params.get(name) else {
            let known: Vec<String> = workflow.params.keys().cloned().collect();
            return Err(find::unknown("param", name, &known).into_usage());
        };
        params.insert(name.to_owned(), value(text, spec.default.as_ref()));
    }
    Ok(params)
}

/// A text is read as what the default is; without one, as a number or boolean if it is one.
fn value(text: &str, default: Option<&Value>) -> Value {
    let read = serde_json::from_str::<Value>(text).ok();
    let scalar = read.filter(|value| value.is_number() || value.is_boolean());
    match default {
        Some(Value::String(_)) => text.into(),
        Some(_) | None => scalar.unwrap_or_else(|| text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_what_the_workflow_takes() {
        let (text, number) = (Value::from("x"), Value::from(1));
        for (given, default, expected) in [
            ("2012", None, Value::from(2012)),
            ("2012", Some(&text), Value::from("2012")),
            ("2012", Some(&number), Value::from(2012)),
            ("true", None, Value::from(true)),
            ("[1]", None, Value::from("[1]")),
            ("a=b", None, Value::from("a=b")),
        ] {
            assert_eq!(value(given, default), expected, "{given}");
        }
    }
}
