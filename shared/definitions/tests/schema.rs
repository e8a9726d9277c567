//! The schemas that are checked in are those of the types, and say what the reader says.

#![allow(clippy::unwrap_used)] // a test may

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use definitions::{Code, SourceFile, check, schemas};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/schema")
}

/// With `MURMUR_WRITE_SCHEMAS=1` it writes them, as `murmur schema --write events/schema` does.
#[test]
fn the_schemas_that_are_checked_in_are_fresh() {
    let write = std::env::var_os("MURMUR_WRITE_SCHEMAS").is_some();
    for schema in schemas() {
        let path = folder().join(format!("{}.schema.json", schema.kind));
        if write {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, schema.text()).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == schema.text(),
            "{} is stale; run `murmur schema --write events/schema`",
            path.display()
        );
    }
}

fn schema(kind: &str) -> Value {
    let schemas = schemas();
    schemas
        .into_iter()
        .find(|schema| schema.kind == kind)
        .unwrap()
        .schema
}

/// Follows a reference, which schemars may wrap into `allOf` beside a description.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema.get("allOf").map_or(schema, |all| &all[0]);
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolved(
            root,
            root.pointer(reference.trim_start_matches('#')).unwrap(),
        ),
        None => schema,
    }
}

/// Makes every value that each alternative of a schema stands for, with every key there is.
fn examples(root: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolved(root, schema);
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return alternatives
            .iter()
            .flat_map(|schema| examples(root, schema))
            .collect();
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.clone();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return objects(root, properties);
    }
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        return examples(root, values)
            .into_iter()
            .map(|value| json!({ "a": value }))
            .collect();
    }
    if let Some(items) = schema.get("items") {
        return vec![examples(root, items).into()];
    }
    if let Some(written) = schema.get("examples").and_then(Value::as_array) {
        return written.clone();
    }
    match schema
        .get("type")
        .map(|kind| kind.as_str().unwrap_or("several"))
    {
        Some("integer") => vec![schema["minimum"].clone(), schema["maximum"].clone()],
        Some("string") if schema.get("pattern").is_some() => vec![json!("80%")],
        Some("string") => vec![json!("text")],
        Some("boolean") => vec![json!(true), json!(false)],
        Some("several") => vec![json!("text"), json!(1.5), json!(true)],
        None => vec![json!({ "anything": [1] })],
        Some(other) => panic!("no example for {other}: {schema}"),
    }
}

/// As many objects as the key with the most examples has, so that each of them comes up.
fn objects(root: &Value, properties: &Map<String, Value>) -> Vec<Value> {
    let columns: Vec<(&String, Vec<Value>)> = properties
        .iter()
        .map(|(key, schema)| (key, examples(root, schema)))
        .collect();
    let rows = columns
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(1);
    (0..rows)
        .map(|row| {
            let value = |values: &Vec<Value>| values[row % values.len()].clone();
            columns
                .iter()
                .map(|(key, values)| ((*key).clone(), value(values)))
                .collect()
        })
        .collect()
}

#[test]
fn the_reader_takes_whatever_the_schema_takes() {
    let now = "2026-03-01T00:00:00Z".parse().unwrap();
    for (kind, path) in [
        ("team", "weather/team.yaml"),
        ("cluster", "weather/clusters/a.yaml"),
        ("workflow", "weather/workflows/a.yaml"),
    ] {
        let root = schema(kind);
        let examples = examples(&root, &root);
        assert!(examples.len() > 1, "{kind}");
        for example in examples {
            // JSON is YAML.
            let text = serde_json::to_string_pretty(&example).unwrap();
            let files = [SourceFile::new(path, text)];
            let found = check(&files, now).diagnostics;
            let refused: Vec<_> = found
                .iter()
                .filter(|found| match found.code {
                    Code::UnknownKey
                    | Code::UnknownValue
                    | Code::Syntax
                    | Code::Ambiguous
                    | Code::WrongKind => true,
                    Code::MissingKey => found.message.contains("is missing here"),
                    Code::OutOfRange => found.message.contains("is out of range"),
                    _ => false,
                })
                .collect();
            assert!(refused.is_empty(), "{refused:#?}\nin {example:#}");
        }
    }
}

/// Lists every key an object of the schema has, and that no object takes others.
fn keys(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = resolved(root, schema);
    for alternative in schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        keys(root, alternative, path, found);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        assert_eq!(schema["additionalProperties"], json!(false), "{path}");
        for (key, value) in properties {
            assert!(
                value.get("description").is_some(),
                "{path}.{key} says nothing to editors"
            );
            found.insert(format!("{path}.{key}"));
            keys(root, value, &format!("{path}.{key}"), found);
        }
    } else if let Some(values) = schema.get("additionalProperties") {
        keys(root, values, &format!("{path}.*"), found);
    }
    if let Some(items) = schema.get("items") {
        keys(root, items, path, found);
    }
}

/// Every key is a promise to users; a change here is a change for them.
#[test]
fn the_keys_of_the_language_are_these() {
    let mut found = BTreeSet::new();
    for kind in ["team", "cluster", "workflow"] {
        let root = schema(kind);
        keys(&root, &root, kind, &mut found);
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(found.into_iter().collect::<Vec<_>>().join("\n"));
    });
}
