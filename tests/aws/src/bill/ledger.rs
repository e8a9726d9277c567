//! Requests as the services bill them. Pure: fed with what went over the wire, in order.
//!
//! What a write costs depends on what was there, so the ledger keeps the items itself. Every index
//! of the table is billed with it: an entry that appears, changes or goes is a write of its own, a
//! changed key two. A transaction's writes are doubled, its index entries not: those follow it one
//! by one. A refused condition is billed like a write of what is there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::calls::Call;
use crate::size::{self, Item};

/// SNS and SQS bill a request of more than this as several.
const CHUNK: usize = 64 * 1024;

/// What is billed, in the services' own units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Units {
    pub write_units: f64,
    /// As far as they are for index entries.
    pub of_which_index: f64,
    pub read_units: f64,
    pub topic_publishes: f64,
    pub queue_requests: f64,
    /// As far as the topic, rules and schedules send: whether those are billed the lists do not say.
    pub of_which_sent_by_services: f64,
    pub invocations: f64,
    pub gigabyte_seconds: f64,
    pub ticks: f64,
}

impl Units {
    /// Adds another's.
    pub fn add(&mut self, more: &Self) {
        self.write_units += more.write_units;
        self.of_which_index += more.of_which_index;
        self.read_units += more.read_units;
        self.topic_publishes += more.topic_publishes;
        self.queue_requests += more.queue_requests;
        self.of_which_sent_by_services += more.of_which_sent_by_services;
        self.invocations += more.invocations;
        self.gigabyte_seconds += more.gigabyte_seconds;
        self.ticks += more.ticks;
    }

    /// One share of so many.
    pub fn per(&self, count: f64) -> Self {
        Self {
            write_units: self.write_units / count,
            of_which_index: self.of_which_index / count,
            read_units: self.read_units / count,
            topic_publishes: self.topic_publishes / count,
            queue_requests: self.queue_requests / count,
            of_which_sent_by_services: self.of_which_sent_by_services / count,
            invocations: self.invocations / count,
            gigabyte_seconds: self.gigabyte_seconds / count,
            ticks: self.ticks / count,
        }
    }
}

/// The table, and the largest item of each kind that was written.
#[derive(Debug, Default)]
pub struct Ledger {
    items: BTreeMap<(String, String), Item>,
    pub largest: BTreeMap<String, usize>,
}

/// An index of the table; one that holds whole items, or keys only.
struct Index {
    partition: &'static str,
    sort: &'static str,
    whole: bool,
}

const INDEXES: [Index; 2] = [
    Index {
        partition: "due_shard",
        sort: "due",
        whole: false,
    },
    Index {
        partition: "listing",
        sort: "listing_date",
        whole: true,
    },
];

impl Ledger {
    /// Takes a call; gives what it is billed.
    pub fn take(&mut self, call: &Call) -> Units {
        let mut units = Units::default();
        match call.service.as_str() {
            "DynamoDB" => self.of_table(call, &mut units),
            "SNS" => units.topic_publishes = chunks(form_bytes(&call.request)),
            "SQS" => units.queue_requests = chunks(call.request.len()),
            // The compute services do not bill their calls.
            "EMR" | "Batch" => {}
            other => unreachable!("no function calls {other}"),
        }
        units
    }

    fn of_table(&mut self, call: &Call, units: &mut Units) {
        let asked: Value = serde_json::from_str(&call.request).unwrap();
        let answer: Value = serde_json::from_str(&call.answer).unwrap_or_default();
        let consistent = asked["ConsistentRead"] == true;
        match call.operation.as_str() {
            "GetItem" => units.read_units = size::read_units(bytes(&answer["Item"]), consistent),
            "Query" => {
                let found = answer["Items"].as_array().into_iter().flatten();
                units.read_units = size::read_units(found.map(bytes).sum(), consistent);
            }
            "BatchGetItem" => {
                units.read_units = batch(&asked, &answer);
            }
            "PutItem" => {
                let item = read(&asked["Item"]);
                self.write(key(&asked["Item"]), Some(item), call.taken, 1.0, units);
            }
            "DeleteItem" => self.write(key(&asked["Key"]), None, call.taken, 1.0, units),
            "UpdateItem" => {
                let item = call.taken.then(|| read(&answer["Attributes"]));
                self.write(key(&asked["Key"]), item, call.taken, 1.0, units);
            }
            "TransactWriteItems" => {
                for part in asked["TransactItems"].as_array().unwrap() {
                    let (put, delete) = (&part["Put"]["Item"], &part["Delete"]["Key"]);
                    if put.is_object() {
                        self.write(key(put), Some(read(put)), call.taken, 2.0, units);
                    } else {
                        self.write(key(delete), None, call.taken, 2.0, units);
                    }
                }
            }
            other => unreachable!("the store does not call {other}"),
        }
    }

    fn write(
        &mut self,
        key: (String, String),
        new: Option<Item>,
        taken: bool,
        times: f64,
        units: &mut Units,
    ) {
        let old = self.items.get(&key);
        let before = old.map_or(0, size::of_item);
        if !taken {
            units.write_units += times * size::write_units(before);
            return;
        }
        let after = new.as_ref().map_or(0, size::of_item);
        let index: f64 = INDEXES
            .iter()
            .map(|index| index.writes(old, new.as_ref()))
            .sum();
        units.write_units += times * size::write_units(before.max(after)) + index;
        units.of_which_index += index;
        match new {
            Some(item) => {
                let kind = item["kind"]["S"].as_str().unwrap_or_default().to_owned();
                let largest = self.largest.entry(kind).or_default();
                *largest = after.max(*largest);
                self.items.insert(key, item);
            }
            None => {
                self.items.remove(&key);
            }
        }
    }
}

impl Index {
    fn entry(&self, item: Option<&Item>) -> Option<Item> {
        let item = item?;
        let keys = [self.partition, self.sort];
        if keys.iter().any(|key| !item.contains_key(*key)) {
            return None;
        }
        let kept = |name: &str| {
            self.whole || keys.contains(&name) || ["partition", "sort"].contains(&name)
        };
        let attributes = item.iter().filter(|(name, _)| kept(name));
        Some(
            attributes
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    fn writes(&self, old: Option<&Item>, new: Option<&Item>) -> f64 {
        let units = |entry: &Item| size::write_units(size::of_item(entry));
        match (self.entry(old), self.entry(new)) {
            (None, None) => 0.0,
            (Some(one), None) | (None, Some(one)) => units(&one),
            (Some(old), Some(new)) if old == new => 0.0,
            (Some(old), Some(new)) => {
                let same = |name| old.get(name) == new.get(name);
                if same(self.partition) && same(self.sort) {
                    units(&old).max(units(&new))
                } else {
                    units(&old) + units(&new)
                }
            }
        }
    }
}

fn read(item: &Value) -> Item {
    serde_json::from_value(item.clone()).unwrap()
}

fn bytes(item: &Value) -> usize {
    if item.is_object() {
        size::of_item(&read(item))
    } else {
        0
    }
}

fn key(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    (text("partition"), text("sort"))
}

/// Each item of a batch is rounded up by itself; what is not there is one unit.
fn batch(asked: &Value, answer: &Value) -> f64 {
    let tables = asked["RequestItems"].as_object().unwrap();
    let mut units = 0.0;
    for (table, wanted) in tables {
        let consistent = wanted["ConsistentRead"] == true;
        let none = Vec::new();
        let found = answer["Responses"][table].as_array().unwrap_or(&none);
        let of_found: f64 = found
            .iter()
            .map(|item| size::read_units(bytes(item), consistent))
            .sum();
        let missing = wanted["Keys"]
            .as_array()
            .unwrap()
            .len()
            .saturating_sub(found.len());
        units += of_found
            + (0..missing)
                .map(|_| size::read_units(0, consistent))
                .sum::<f64>();
    }
    units
}

fn chunks(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes.div_ceil(CHUNK).max(1)).unwrap_or(u32::MAX))
}

/// The bytes of the values of a form: `a=b%20c` has three.
fn form_bytes(form: &str) -> usize {
    let values = form.split('&').filter_map(|field| field.split_once('='));
    values
        .map(|(_, value)| value.len() - 2 * value.matches('%').count())
        .sum()
}

#[test]
fn writes_are_billed_with_what_they_do_to_indexes() {
    use serde_json::json;
    let mut ledger = Ledger::default();
    let mut put = |due: Option<&str>, text: usize, taken: bool| {
        let mut item = json!({
            "partition": { "S": "p" }, "sort": { "S": "s" }, "kind": { "S": "k" },
            "text": { "S": "x".repeat(text) },
        });
        if let Some(due) = due {
            item["due_shard"] = json!({ "S": "0" });
            item["due"] = json!({ "S": due });
        }
        let units = ledger.take(&made("PutItem", &json!({ "Item": item }), taken));
        (units.write_units, units.of_which_index)
    };
    assert_eq!(put(None, 10, true), (1.0, 0.0), "a small item");
    assert_eq!(
        put(None, 1024, true),
        (2.0, 0.0),
        "more than a kilobyte with its names"
    );
    assert_eq!(
        put(None, 10, false),
        (2.0, 0.0),
        "refused: what is there counts"
    );
    assert_eq!(
        put(Some("1"), 10, true),
        (3.0, 1.0),
        "it was larger, and appears in an index"
    );
    assert_eq!(
        put(Some("1"), 20, true),
        (1.0, 0.0),
        "no index holds its text"
    );
    assert_eq!(
        put(Some("2"), 20, true),
        (3.0, 2.0),
        "it moves in the index"
    );
    assert_eq!(put(None, 20, true), (2.0, 1.0), "it leaves the index");
    let key = json!({ "partition": { "S": "p" }, "sort": { "S": "s" } });
    let parts = json!({ "TransactItems": [{ "Delete": { "Key": key } }] });
    let units = ledger.take(&made("TransactWriteItems", &parts, true));
    assert_eq!(units.write_units, 2.0, "doubled");
    let keys = json!({ "RequestItems": { "t": { "Keys": [key, key], "ConsistentRead": true } } });
    let units = ledger.take(&made("BatchGetItem", &keys, true));
    assert_eq!(units.read_units, 2.0, "what is not there is read, too");
    assert_eq!(form_bytes("Action=ab&Message=%7B%7D"), 4);
    assert_eq!(
        (chunks(0), chunks(CHUNK), chunks(CHUNK + 1)),
        (1.0, 1.0, 2.0)
    );
}

#[cfg(test)]
#[allow(dead_code)] // where the tests of this module are not run
fn made(operation: &str, request: &Value, taken: bool) -> Call {
    Call {
        service: "DynamoDB".into(),
        operation: operation.into(),
        request: request.to_string(),
        answer: "{}".into(),
        taken,
    }
}
