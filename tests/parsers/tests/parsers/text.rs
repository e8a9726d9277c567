//! Texts to parse: pieces that mean something, in any order, and real texts with damage.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Pieces that are odd in any text.
const ODD: &[&str] = &[
    "",
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{200d}",
    "ä",
    "e\u{301}\u{301}\u{301}",
    "\u{1F426}",
    "\u{10ffff}",
    "ß",
    "İ",
    "ﬃ",
    "٣",
    "0",
    "-0",
    "-1",
    "255",
    "65536",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "1e400",
    "0x1F",
    "NaN",
    "null",
    "true",
    "\"",
    "'",
    "\\",
    "\\u12",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "%",
    "$",
    "*",
    "?",
    "--",
    "/",
    "..",
    "#",
];

/// Pieces of a grammar and odd ones, one after the other; now and then one of them many times, so
/// that lines are long and nesting is deep.
pub fn pieces(grammar: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = || prop_oneof![6 => select(grammar), 1 => select(ODD)];
    let many = (
        piece(),
        prop_oneof![20 => Just(1_usize), 1 => 2..40_usize, 1 => 500..20_000_usize],
    );
    prop::collection::vec(many, 0..24).prop_map(|pieces| {
        let mut text = String::new();
        for (piece, times) in pieces {
            text.push_str(&piece.repeat(times));
        }
        text
    })
}

/// Real texts, some of whose bytes are replaced by pieces, doubled or cut off.
pub fn damaged(
    real: Vec<String>,
    grammar: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let damage = (
        any::<Index>(),
        0..24_usize,
        prop_oneof![3 => select(grammar), 1 => select(ODD)],
        prop_oneof![30 => Just(1_usize), 1 => 100..5_000_usize],
    );
    (select(real), prop::collection::vec(damage, 1..6)).prop_map(|(text, damages)| {
        let mut bytes = text.into_bytes();
        for (at, cut, piece, times) in damages {
            let start = at.index(bytes.len() + 1);
            let end = (start + cut).min(bytes.len());
            bytes.splice(start..end, piece.repeat(times).into_bytes());
        }
        bytes
    })
}

/// The same as text.
pub fn damaged_text(
    real: Vec<String>,
    grammar: &'static [&'static str],
) -> impl Strategy<Value = String> {
    damaged(real, grammar).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Any JSON whose names and texts come from a grammar.
pub fn json(grammar: &'static [&'static str]) -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let text = move || prop_oneof![8 => select(grammar), 1 => select(ODD)].prop_map(str::to_owned);
    let leaf = prop_oneof![
        6 => text().prop_map(Value::String),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            3 => prop::collection::vec((text(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
