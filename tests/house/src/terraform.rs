//! What Terraform and the functions both say must be the same: it is said twice, in two languages.

#![allow(clippy::unwrap_used)] // all of it is test

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use choreography::schedule::Schedule;
use model::Timestamp;
use model::fact::Fact;
use model::message::{Function, Message};
use serde_json::{Value, json};

use crate::workspace::root;

fn read(path: &str) -> String {
    let path = root().join("infra/terraform").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The types of all facts: each has a sample file.
fn fact_types() -> Vec<String> {
    let samples = fs::read_dir(root().join("shared/model/facts")).unwrap();
    let name = |sample: fs::DirEntry| {
        let name = sample.file_name().into_string().unwrap();
        name.strip_suffix(".json").unwrap().to_owned()
    };
    samples.map(|sample| name(sample.unwrap())).collect()
}

#[test]
fn every_inbox_subscribes_to_what_its_function_takes() {
    let mut expected: BTreeMap<String, BTreeSet<String>> = Function::ALL
        .map(|function| (function.name().to_owned(), BTreeSet::new()))
        .into();
    for fact_type in fact_types() {
        let optional = Function::optional_subscribers(&fact_type);
        for subscriber in Function::subscribers(&fact_type).iter().chain(optional) {
            let types = expected.get_mut(subscriber.name()).unwrap();
            types.insert(fact_type.clone());
        }
    }
    let taken: BTreeSet<&String> = expected.values().flatten().collect();
    assert!(taken.len() > 5, "{taken:?}");
    let written: BTreeMap<String, BTreeSet<String>> = read_json("inboxes.json");
    assert_eq!(written, expected);
}

/// What is history, and its tables. `MURMUR_WRITE_SAMPLES=1` writes it.
#[test]
fn tables_of_history_are_those_of_its_files() {
    let samples = root().join("shared/model/facts");
    let ends = fact_types().into_iter().filter(|name| {
        let sample = fs::read_to_string(samples.join(format!("{name}.json"))).unwrap();
        let fact: Fact = serde_json::from_str(&sample).unwrap();
        assert_eq!(
            fact.body.is_end(),
            history::Row::of(&fact).is_some(),
            "{name}"
        );
        fact.body.is_end()
    });
    let ends: BTreeSet<String> = ends.collect();
    let tables = history::Table::ALL.map(|table| {
        let columns = table.columns().iter().map(|column| {
            json!({ "name": column.name, "type": column.kind.hive(), "comment": column.about })
        });
        let columns: Vec<Value> = columns.collect();
        let table_of = json!({ "key": table.key(), "columns": columns });
        (table.name().to_owned(), table_of)
    });
    let tables: BTreeMap<String, Value> = tables.into();
    let expected = json!({ "facts": ends, "tables": tables });
    if std::env::var_os("MURMUR_WRITE_SAMPLES").is_some() {
        let text = serde_json::to_string_pretty(&expected).unwrap() + "\n";
        fs::write(root().join("infra/terraform/history.json"), text).unwrap();
    }
    assert_eq!(read_json::<Value>("history.json"), expected);
}

#[test]
fn what_schedules_and_rules_send_is_what_functions_read() {
    let messages: Value = read_json("tests/messages.json");
    let schedules = messages["schedules"].as_object().unwrap().values();
    let events = messages["events"].as_object().unwrap().values();
    let all: Vec<&Value> = schedules
        .chain(events)
        .chain([&messages["sweep"]])
        .collect();
    assert!(all.len() > 5);
    for message in all {
        // What EventBridge Scheduler puts for its placeholder.
        let text = message.to_string();
        let text = text.replace("<aws.scheduler.scheduled-time>", "2026-03-02T08:15:00Z");
        let read: Message =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let again: Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
fn rates_begin_at_their_next_instant() {
    let rows: Vec<BTreeMap<String, String>> = read_json("tests/rates.json");
    assert!(rows.len() > 40);
    for row in rows {
        let now: Timestamp = row["now"].parse().unwrap();
        let start: Timestamp = row["start"].parse().unwrap();
        let anchor = choreography::expected::RATE_ANCHOR;
        let rate = Schedule::parse(&row["expression"], "UTC", anchor).unwrap();
        let before = Timestamp::from_millisecond(now.as_millisecond() - 1).unwrap();
        assert_eq!(rate.next_after(before), Some(start), "{row:?}");
    }
}
