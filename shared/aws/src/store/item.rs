//! Items of the state table as DynamoDB has them.
//!
//! | attribute | what |
//! |---|---|
//! | `partition`, `sort` | the table's key (`model::key`) |
//! | `kind`, `version` | the record's kind; how often it was written |
//! | `due_shard`, `due` | key of the sparse index `due`, of what reconcile looks at |
//! | `listing`, `listing_date` | key of the sparse index `runs`: `team/workflow` and logical date |
//! | every other | the record's attributes, as they are in its JSON |
//!
//! The index `due` also holds the runs that failed, by when they did, for people: in a shard of
//! their own, which reconcile never reads.
//!
//! An attribute of a record that has one of these names would be stored with a `$` before it.
//! Instants of the indexes have exactly three decimals, so that their order is time order.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use model::Timestamp;
use model::id::digest;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::record::Record as _;
use ports::{Item, StoreError, Stored};
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::attribute::{from_json, to_json, unescape};

pub type Attributes = HashMap<String, AttributeValue>;

pub const PARTITION: &str = "partition";
pub const SORT: &str = "sort";
pub const KIND: &str = "kind";
pub const VERSION: &str = "version";
pub const DUE_SHARD: &str = "due_shard";
pub const DUE: &str = "due";
pub const LISTING: &str = "listing";
pub const LISTING_DATE: &str = "listing_date";
/// A join's set, to which DynamoDB itself adds.
pub const ARRIVALS: &str = "arrivals";

const OWN: [&str; 8] = [
    PARTITION,
    SORT,
    KIND,
    VERSION,
    DUE_SHARD,
    DUE,
    LISTING,
    LISTING_DATE,
];

/// Over how many partitions the index of what is due is spread.
pub const DUE_SHARDS: u8 = 4;
/// The shard of the runs that failed, of every workflow; few enough for one.
pub const FAILED_SHARD: &str = "failed";

/// A key's place in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub partition: String,
    pub sort: String,
}

impl Place {
    /// Where a key's item is.
    pub fn of(key: &Key) -> Self {
        Self {
            partition: key.partition(),
            sort: key.sort(),
        }
    }

    /// Where an item is; `None` when it has no key.
    pub fn of_item(item: &Attributes) -> Option<Self> {
        let text = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self {
            partition: text(PARTITION)?,
            sort: text(SORT)?,
        })
    }

    /// The key as DynamoDB wants it.
    pub fn attributes(&self) -> Attributes {
        let text = |text: &String| AttributeValue::S(text.clone());
        HashMap::from([
            (PARTITION.to_owned(), text(&self.partition)),
            (SORT.to_owned(), text(&self.sort)),
        ])
    }

    fn due_shard(&self) -> String {
        let hash = digest([self.partition.as_str(), &self.sort]);
        let drawn = u8::from_str_radix(&hash[..2], 16).expect("digests are hexadecimal");
        (drawn % DUE_SHARDS).to_string()
    }
}

/// Writes an item with the version it will have.
pub fn encode(item: &Item, version: u64) -> Result<Attributes, StoreError> {
    let place = Place::of(&item.key);
    let unreadable = |source| unreadable(&place, item.kind, source);
    let body: Map<String, Value> = serde_json::from_str(&item.body).map_err(unreadable)?;
    let mut attributes = place.attributes();
    for (name, value) in &body {
        let value = match value {
            Value::Array(arrivals) if item.kind == Join::KIND && name == ARRIVALS => {
                let Some(set) = text_set(arrivals) else {
                    continue;
                };
                set
            }
            value => from_json(value),
        };
        attributes.insert(attribute_name(name), value);
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    attributes.insert(KIND.into(), text(item.kind));
    attributes.insert(VERSION.into(), AttributeValue::N(version.to_string()));
    let failed_at = item.listing.as_ref().and_then(|listing| listing.failed_at);
    let indexed = match (item.due, failed_at) {
        (Some(due), _) => Some((place.due_shard(), due)),
        (None, Some(failed_at)) => Some((FAILED_SHARD.to_owned(), failed_at)),
        (None, None) => None,
    };
    if let Some((shard, at)) = indexed {
        attributes.insert(DUE.into(), text(&index_time(at)));
        attributes.insert(DUE_SHARD.into(), text(&shard));
    }
    if let Some(listing) = &item.listing {
        attributes.insert(LISTING.into(), text(&listing.workflow.to_string()));
        attributes.insert(LISTING_DATE.into(), text(&index_time(listing.logical_date)));
    }
    Ok(attributes)
}

/// A set of texts; `None` when it is empty, which DynamoDB has not.
fn text_set(texts: &[Value]) -> Option<AttributeValue> {
    let texts: Vec<String> = texts
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    (!texts.is_empty()).then_some(AttributeValue::Ss(texts))
}

/// Reads an item.
pub fn decode(item: &Attributes) -> Result<Stored, StoreError> {
    let place = Place::of_item(item).unwrap_or_else(|| Place {
        partition: String::new(),
        sort: String::new(),
    });
    let refuse = |why: String| unreadable(&place, "an item", serde_json::Error::custom(why));
    let own = |name| {
        item.get(name)
            .ok_or_else(|| refuse(format!("it has no `{name}`")))
    };
    let kind = own(KIND)?.as_s().cloned();
    let kind = kind.map_err(|_| refuse(format!("`{KIND}` is no text")))?;
    let version = version(item).ok_or_else(|| refuse(format!("`{VERSION}` is no number")))?;
    let mut body = Map::new();
    for (name, value) in item {
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let value = to_json(value);
        let value = value.ok_or_else(|| refuse(format!("`{name}` has no JSON type")))?;
        body.insert(unescape(name).to_owned(), value);
    }
    if kind == Join::KIND {
        body.entry(ARRIVALS)
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    Ok(Stored {
        partition: place.partition.into(),
        sort: place.sort.into(),
        kind: kind.into(),
        version,
        body: Value::Object(body).to_string().into(),
    })
}

/// The version of an item; `None` when it has none.
pub fn version(item: &Attributes) -> Option<u64> {
    item.get(VERSION)?.as_n().ok()?.parse().ok()
}

/// What a join's node has from its creation on: its key and kind, without arrivals.
pub fn new_node(key: &JoinKey) -> Attributes {
    let node = serde_json::to_value(Join::empty(key.clone()));
    let node = node.expect("records are plain data with text keys");
    let Value::Object(node) = node else {
        unreachable!("a record is an object");
    };
    let mut attributes: Attributes = node
        .iter()
        .filter(|(name, _)| *name != ARRIVALS)
        .map(|(name, value)| (attribute_name(name), from_json(value)))
        .collect();
    attributes.insert(KIND.into(), AttributeValue::S(Join::KIND.into()));
    attributes
}

/// Arrivals as a set for DynamoDB to add.
pub fn arrival_set(arrivals: &BTreeSet<Arrival>) -> AttributeValue {
    AttributeValue::Ss(arrivals.iter().map(ToString::to_string).collect())
}

/// An instant as the indexes have it.
pub fn index_time(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// The name under which a record's attribute is stored.
fn attribute_name(name: &str) -> String {
    if name.is_empty() || name.starts_with('$') || OWN.contains(&name) {
        format!("${name}")
    } else {
        name.to_owned()
    }
}

fn unreadable(place: &Place, kind: &'static str, source: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        partition: place.partition.clone(),
        sort: place.sort.clone(),
        kind,
        source,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(body: &Value) -> Item {
        Item {
            key: Key::Operation("a".into()),
            kind: "thing",
            body: body.to_string().into(),
            due: None,
            listing: None,
        }
    }

    #[test]
    fn a_records_attributes_are_the_items() {
        let body =
            json!({ "state": "running", "team": "weather", "attempt": 2, "claim": { "epoch": 1 } });
        let attributes = encode(&item(&body), 3).unwrap();
        assert_eq!(attributes["state"], AttributeValue::S("running".into()));
        assert_eq!(attributes["attempt"], AttributeValue::N("2".into()));
        assert_eq!(attributes["version"], AttributeValue::N("3".into()));
        assert!(attributes["claim"].is_m());
        let names: BTreeSet<&str> = attributes.keys().map(String::as_str).collect();
        let expected = [
            "attempt",
            "claim",
            "kind",
            "partition",
            "sort",
            "state",
            "team",
            "version",
        ];
        assert_eq!(
            names,
            BTreeSet::from(expected),
            "what is not due is in no index"
        );
    }

    #[test]
    fn what_failed_is_indexed_apart_from_what_is_due() {
        let instant = |text: &str| Some(testkit::instant(text));
        let (due, failed_at) = (
            instant("2026-03-01T05:00:00Z"),
            instant("2026-03-01T06:00:00Z"),
        );
        let text = |attributes: &Attributes, name| {
            let value = attributes.get(name)?;
            Some(value.as_s().unwrap().clone())
        };
        let body = json!({});
        for (due, failed_at, at) in [
            (None, None, None),
            (None, failed_at, Some("2026-03-01T06:00:00.000Z")),
            (due, None, Some("2026-03-01T05:00:00.000Z")),
            (due, failed_at, Some("2026-03-01T05:00:00.000Z")),
        ] {
            let listing = model::record::Listing {
                workflow: "weather/report".parse().unwrap(),
                logical_date: testkit::instant("2026-03-01T00:00:00Z"),
                failed_at,
            };
            let item = Item {
                due,
                listing: Some(listing),
                ..item(&body)
            };
            let attributes = encode(&item, 1).unwrap();
            assert_eq!(text(&attributes, DUE).as_deref(), at);
            let shard = text(&attributes, DUE_SHARD);
            assert_eq!(
                shard.as_deref() == Some(FAILED_SHARD),
                due.is_none() && failed_at.is_some()
            );
        }
    }

    #[test]
    fn attributes_named_like_the_tables_own_survive() {
        let body = json!({ "kind": "k", "version": 9, "due": "d", "$x": 1, "": 2, "due_at": "e" });
        let stored = decode(&encode(&item(&body), 1).unwrap()).unwrap();
        assert_eq!((&*stored.kind, stored.version), ("thing", 1));
        assert_eq!(serde_json::from_str::<Value>(&stored.body).unwrap(), body);
    }

    #[test]
    fn instants_of_the_indexes_sort_as_they_follow() {
        let instants = ["05:10:00Z", "05:10:00.12Z", "05:10:00.123Z", "05:10:01Z"];
        let texts =
            instants.map(|time| index_time(testkit::instant(&format!("2026-03-01T{time}"))));
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[0], "2026-03-01T05:10:00.000Z");
    }

    #[test]
    fn what_is_due_is_spread_over_every_shard() {
        let shard = |number: u32| {
            let key = Key::Operation(number.to_string().into());
            Place::of(&key).due_shard()
        };
        let shards: BTreeSet<String> = (0..100).map(shard).collect();
        assert_eq!(shards.len(), usize::from(DUE_SHARDS));
    }

    #[test]
    fn a_join_without_arrivals_reads_back() {
        let key = JoinKey {
            run: "r".into(),
            generation: 1,
            join: 2,
            level: 0,
            index: 3,
        };
        let empty = Join::empty(key);
        let write = ports::Write::create(&empty);
        let ports::Write::Put { item, .. } = write else {
            unreachable!("it is a put")
        };
        let attributes = encode(&item, 1).unwrap();
        assert_eq!(attributes.get(ARRIVALS), None, "DynamoDB has no empty sets");
        assert_eq!(
            decode(&attributes).unwrap().read::<Join>().unwrap().value,
            empty
        );
    }

    #[test]
    fn what_people_broke_is_named() {
        let body = json!({ "state": "running" });
        let whole = encode(&item(&body), 1).unwrap();
        let broken: [(&str, Option<AttributeValue>); 4] = [
            (KIND, None),
            (VERSION, None),
            (VERSION, Some(AttributeValue::S("one".into()))),
            ("state", Some(AttributeValue::Ns(vec!["1".into()]))),
        ];
        for (name, value) in broken {
            let mut item = whole.clone();
            item.remove(name);
            item.extend(value.map(|value| (name.to_owned(), value)));
            let error = decode(&item).unwrap_err();
            assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains(name), "{source}");
        }
    }
}
