//! Which patterns could match what the project itself puts on a bus.

use serde_json::{Value, json};

use super::pattern;

#[test]
fn patterns_that_could_match_facts_of_our_own_are_recognised() {
    let source = |conditions: Value| json!({ "source": conditions });
    let cases = [
        (json!({ "detail-type": ["x"] }), true),
        (source(json!(["aws.s3"])), false),
        (source(json!(["aws.s3", "murmur"])), true),
        (source(json!(["murmur.prod"])), true),
        (source(json!(["murmu"])), false),
        (source(json!([{ "prefix": "aws." }])), false),
        (source(json!([{ "prefix": "mur" }])), true),
        (source(json!([{ "prefix": "murmur.x" }])), true),
        (source(json!([{ "prefix": "" }])), true),
        (
            source(json!([{ "prefix": { "equals-ignore-case": "MUR" } }])),
            true,
        ),
        (source(json!([{ "suffix": ".s3" }])), true),
        (source(json!([{ "equals-ignore-case": "Murmur" }])), true),
        (source(json!([{ "equals-ignore-case": "AWS.S3" }])), false),
        (source(json!([{ "wildcard": "aws.*" }])), false),
        (source(json!([{ "wildcard": "*.s3" }])), true),
        (source(json!([{ "wildcard": "m*r" }])), true),
        (source(json!([{ "exists": true }])), true),
        (source(json!([{ "exists": false }])), false),
        (
            source(json!([{ "numeric": ["=", 1] }, null, 1, true])),
            false,
        ),
        (source(json!([{ "cidr": "10.0.0.0/8" }])), false),
        (source(json!([{ "anything-but": "murmur" }])), true),
        (
            source(json!([{ "anything-but": { "prefix": "murmur" } }])),
            false,
        ),
        (
            source(json!([{ "anything-but": { "prefix": ["aws.", "m"] } }])),
            false,
        ),
        (
            source(json!([{ "anything-but": { "prefix": "murmur." } }])),
            true,
        ),
        (
            source(json!([{ "anything-but": { "wildcard": "m*r*" } }])),
            false,
        ),
        (
            source(json!([{ "anything-but": { "wildcard": "*murmur" } }])),
            true,
        ),
        (json!({ "source": { "x": [1] } }), false),
        (
            json!({ "$or": [{ "source": ["aws.s3"] }, { "account": ["1"] }] }),
            true,
        ),
        (
            json!({ "source": ["aws.s3"], "$or": [{ "a": [1] }, { "b": [1] }] }),
            false,
        ),
    ];
    for (wanted, could) in cases {
        assert_eq!(
            pattern(&wanted).could_match_source("murmur"),
            could,
            "{wanted}"
        );
    }
}
