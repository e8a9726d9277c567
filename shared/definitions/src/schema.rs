//! The JSON Schemas of the three kinds of files, made from the types that read them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

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
    let title = schema
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let title = format!("murmur {}", title.to_lowercase());
    schema.insert("title".into(), title.into());
    schema.to_value()
}
