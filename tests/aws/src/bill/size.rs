//! How large DynamoDB takes items to be, and the units that makes. Pure.
//!
//! By the developer guide: an item is the sum of its attributes' names and values in UTF-8; a
//! number takes one byte for two significant digits and one more; a map or list three bytes and
//! one for each entry. A unit of writing is 1 KB, one of strongly consistent reading 4 KB.

use std::collections::BTreeMap;

use serde_json::Value;

/// An item as it goes over the wire: attribute values by name, each `{"S": "…"}` or alike.
pub type Item = BTreeMap<String, Value>;

const WRITE_BYTES: usize = 1024;
const READ_BYTES: usize = 4096;

/// The bytes of an item.
pub fn of_item(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + of_value(value))
        .sum()
}

fn of_value(value: &Value) -> usize {
    let Some((kind, content)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return 0;
    };
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    match (kind.as_str(), content) {
        ("S", content) => text(content),
        ("N", content) => of_number(content.as_str().unwrap_or_default()),
        ("BOOL" | "NULL", _) => 1,
        ("SS", Value::Array(texts)) => texts.iter().map(text).sum(),
        ("L", Value::Array(values)) => {
            3 + values.iter().map(|one| 1 + of_value(one)).sum::<usize>()
        }
        ("M", Value::Object(entries)) => {
            let entry = |(name, value): (&String, &Value)| 1 + name.len() + of_value(value);
            3 + entries.iter().map(entry).sum::<usize>()
        }
        (other, _) => unreachable!("the store writes no attribute of type {other}"),
    }
}

fn of_number(digits: &str) -> usize {
    let significant = digits.trim_start_matches('-').replace('.', "");
    let significant = significant.trim_matches('0').len();
    significant.div_ceil(2) + 1
}

/// Units of writing an item of so many bytes; what is not there takes one, too.
pub fn write_units(bytes: usize) -> f64 {
    units(bytes, WRITE_BYTES)
}

/// Units of reading so many bytes in one request; half as many when it may be a little late.
pub fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = units(bytes, READ_BYTES);
    if consistent { units } else { units / 2.0 }
}

fn units(bytes: usize, per_unit: usize) -> f64 {
    let units = bytes.div_ceil(per_unit).max(1);
    f64::from(u32::try_from(units).unwrap_or(u32::MAX))
}

#[test]
fn items_have_the_sizes_of_the_developer_guide() {
    let item = |value: Value| serde_json::from_value::<Item>(value).unwrap();
    let cases = [
        (serde_json::json!({}), 0),
        (serde_json::json!({ "ab": { "S": "cde" } }), 5),
        (serde_json::json!({ "a": { "S": "ü" } }), 3),
        (serde_json::json!({ "a": { "N": "12345" } }), 1 + 4),
        (serde_json::json!({ "a": { "N": "-100" } }), 1 + 2),
        (serde_json::json!({ "a": { "N": "0" } }), 1 + 1),
        (serde_json::json!({ "a": { "BOOL": true } }), 2),
        (serde_json::json!({ "a": { "SS": ["12s", "3f"] } }), 1 + 5),
        (
            serde_json::json!({ "a": { "L": [{ "S": "xy" }] } }),
            1 + 3 + 3,
        ),
        (
            serde_json::json!({ "a": { "M": { "b": { "S": "xy" } } } }),
            1 + 3 + 4,
        ),
    ];
    for (written, bytes) in cases {
        assert_eq!(of_item(&item(written.clone())), bytes, "{written}");
    }
    for (bytes, write, read) in [
        (0, 1.0, 1.0),
        (1024, 1.0, 1.0),
        (1025, 2.0, 1.0),
        (4097, 5.0, 2.0),
    ] {
        assert_eq!(
            (write_units(bytes), read_units(bytes, true)),
            (write, read),
            "{bytes}"
        );
        assert_eq!(read_units(bytes, false), read / 2.0);
    }
}
