//! The JSON Schemas of the three kinds of files, made from the types that read them.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::written::{Cluster, Team, Workflow};

/// A kind of file and its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSchema {
    /// `team`, `cluster` or `workflow`; the schema's file is `<kind>.schema.json`.
    pub kind: &'static str,
    pub schema: Value,
}

/// Makes the schemas.
pub fn schemas() -> Vec<FileSchema> {
    vec![
        FileSchema {
            kind: "team",
            schema: of::<Team>(),
        },
        FileSchema {
            kind: "cluster",
            schema: of::<Cluster>(),
        },
        FileSchema {
            kind: "workflow",
            schema: of::<Workflow>(),
        },
    ]
}

impl FileSchema {
    /// The text of the schema's file.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.schema);
        text.expect("a schema is plain data with text keys") + "\n"
    }
}

fn of<T: JsonSchema>() -> Value {
    // Draft 7 is what editors' YAML servers know best.
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>();
    RecursiveTransform(forbid_null).transform(&mut schema);
    let title = schema
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let title = format!("murmur {}", title.to_lowercase());
    schema.insert("title".into(), title.into());
    schema.to_value()
}

/// A key that may be left out may not be given nothing: the reader refuses what is half written.
fn forbid_null(schema: &mut Schema) {
    let is_null = |value: &Value| *value == Value::Null || *value == json!({ "type": "null" });
    for list in ["enum", "anyOf"] {
        if let Some(Value::Array(values)) = schema.get_mut(list) {
            values.retain(|value| !is_null(value));
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
}
