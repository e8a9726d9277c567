//! Patterns of events, and events they are held against.

use choreography::pattern::Pattern;
use proptest::prelude::*;

use crate::endure::endures;
use crate::text;

const GRAMMAR: &[&str] = &[
    "source",
    "detail",
    "detail-type",
    "resources",
    "$or",
    "prefix",
    "suffix",
    "anything-but",
    "numeric",
    "cidr",
    "exists",
    "wildcard",
    "equals-ignore-case",
    "=",
    "<",
    "<=",
    ">",
    "aws.s3",
    "10.0.0.0/8",
    "::1/128",
    "a*b*c*d",
    "********",
    "a\\*",
    "murmur",
    "1e10",
    "bucket",
    "key",
];

#[test]
fn any_pattern_is_read_and_held_against_any_event() {
    let inputs = (text::json(GRAMMAR), text::json(GRAMMAR));
    endures("patterns", inputs, |(pattern, event)| {
        if let Ok(pattern) = Pattern::parse(pattern) {
            pattern.matches(event);
            pattern.could_match_source("murmur");
        }
    });
}

#[test]
fn a_wildcard_takes_no_longer_for_being_hostile() {
    let star = prop::collection::vec(
        prop_oneof![Just("*a"), Just("a"), Just("*"), Just("b*")],
        1..60,
    );
    let text = "[ab]{0,3000}".prop_map(String::from);
    let inputs = (star.prop_map(|parts| parts.concat()), text);
    endures("wildcards", inputs, |(wildcard, text)| {
        let pattern = serde_json::json!({ "source": [{ "wildcard": wildcard }] });
        if let Ok(pattern) = Pattern::parse(&pattern) {
            pattern.matches(&serde_json::json!({ "source": text }));
        }
    });
}
