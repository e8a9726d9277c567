//! Events are what OpenLineage's own schemas say.

use jsonschema::Validator;
use ports::Export;
use serde_json::{Value, json};

use super::fixture::Day;

/// A schema by its name, as it is in the folder.
macro_rules! schemas {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../tests/openlineage/", $name, ".json")))),+]
    };
}

const SCHEMAS: [(&str, &str); 6] = schemas![
    "ErrorMessageRunFacet",
    "JobDependenciesRunFacet",
    "JobTypeJobFacet",
    "NominalTimeRunFacet",
    "OpenLineage",
    "ParentRunFacet"
];

/// OpenLineage's schema with those of the facets that are written, all of which are there to be read.
pub fn validator() -> Validator {
    let read = |name: &str| -> Value {
        let text = SCHEMAS.iter().find(|(known, _)| *known == name);
        serde_json::from_str(text.unwrap().1).unwrap()
    };
    let core = read("OpenLineage");
    let facets = |names: &[(&str, &str)]| -> Value {
        let all = names.iter().map(|(key, name)| {
            let id = read(name)["$id"].as_str().unwrap().to_owned();
            (
                (*key).to_owned(),
                json!({ "$ref": format!("{id}#/$defs/{name}") }),
            )
        });
        // What is not listed here would pass unread.
        json!({ "properties": all.collect::<Value>(), "additionalProperties": false })
    };
    let of_run = facets(&[
        ("errorMessage", "ErrorMessageRunFacet"),
        ("jobDependencies", "JobDependenciesRunFacet"),
        ("nominalTime", "NominalTimeRunFacet"),
        ("parent", "ParentRunFacet"),
    ]);
    let of_job = facets(&[("jobType", "JobTypeJobFacet")]);
    let all = SCHEMAS.iter();
    let bundled: Value = all
        .map(|(name, _)| ((*name).to_owned(), read(name)))
        .collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:murmur:events",
        "$defs": bundled,
        "$ref": format!("{}#/$defs/RunEvent", core["$id"].as_str().unwrap()),
        "properties": {
            "run": { "properties": { "facets": of_run } },
            "job": { "properties": { "facets": of_job } },
        },
        "required": ["eventType"],
    });
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).unwrap()
}

#[test]
fn every_event_is_valid() {
    let day = Day::new();
    day.tell();
    let validator = validator();
    let events = day.exporter.of(Export::Lineage);
    assert!(events.len() > 8, "{events:?}");
    for event in events {
        let event: Value = serde_json::from_str(&event).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&event)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?} in {event:#}");
    }
}

#[test]
fn what_openlineage_refuses_is_found() {
    let day = Day::new();
    day.tell();
    let validator = validator();
    let good: Value = serde_json::from_str(&day.exporter.of(Export::Lineage)[2]).unwrap();
    assert!(validator.is_valid(&good), "{good:#}");
    let spoilt: [(&str, Value); 7] = [
        ("/eventType", json!("STARTED")),
        ("/eventTime", json!("yesterday")),
        ("/run/runId", json!("no-uuid")),
        ("/run/facets/parent/run", json!({})),
        ("/run/facets/nominalTime", json!({})),
        ("/job/facets/jobType/_schemaURL", Value::Null),
        ("/inputs", json!([{ "name": "n" }])),
    ];
    for (place, value) in spoilt {
        let mut event = good.clone();
        *event.pointer_mut(place).unwrap() = value;
        assert!(!validator.is_valid(&event), "{place}");
    }
}
