//! What EventBridge would refuse, with the place and what would be right.

use serde_json::{Value, json};

use super::super::{MOST_CHARACTERS, Pattern};

#[test]
fn a_wrong_pattern_is_refused_with_its_place_and_what_would_be_right() {
    let cases = [
        (json!([]), "pattern", "write e.g."),
        (json!({}), "pattern", "name a field"),
        (
            json!({ "source": "aws.s3" }),
            "source",
            "put it into an array: [\"aws.s3\"]",
        ),
        (
            json!({ "detail": { "state": 1 } }),
            "detail.state",
            "put it into an array: [1]",
        ),
        (
            json!({ "state": { "prefix": "a" } }),
            "state.prefix",
            "put the operator into an array: [{\"prefix\": \"a\"}]",
        ),
        (json!({ "detail": {} }), "detail", "name a field"),
        (json!({ "a": [] }), "a", "list the values"),
        (
            json!({ "a": [["b"]] }),
            "a[0]",
            "list the values in the outer one",
        ),
        (
            json!({ "a": [{}] }),
            "a[0]",
            "give each operator its own object",
        ),
        (
            json!({ "a": [{ "prefix": "a", "suffix": "b" }] }),
            "a[0]",
            "give each operator its own object",
        ),
        (
            json!({ "a": ["b", { "prefx": "a" }] }),
            "a[1].prefx",
            "did you mean prefix?",
        ),
        (
            json!({ "a": [{ "matches": "a" }] }),
            "a[0].matches",
            "write one of prefix, suffix",
        ),
        (
            json!({ "a": [{ "prefix": 1 }] }),
            "a[0].prefix",
            "write a string",
        ),
        (
            json!({ "a": [{ "prefix": { "wildcard": "a" } }] }),
            "a[0].prefix.wildcard",
            "write equals-ignore-case",
        ),
        (
            json!({ "a": [{ "wildcard": "a**b" }] }),
            "a[0].wildcard",
            "one `*` matches any length",
        ),
        (
            json!({ "a": [{ "wildcard": "a\\b" }] }),
            "a[0].wildcard",
            "only `\\*` and `\\\\`",
        ),
        (
            json!({ "a": [{ "wildcard": "a\\" }] }),
            "a[0].wildcard",
            "only `\\*` and `\\\\`",
        ),
        (
            json!({ "a": [{ "exists": "yes" }] }),
            "a[0].exists",
            "write true or false",
        ),
        (
            json!({ "a": [{ "cidr": "10.0.0.1" }] }),
            "a[0].cidr",
            "10.0.0.0/24",
        ),
        (
            json!({ "a": [{ "cidr": "10.0.0.1/32" }] }),
            "a[0].cidr",
            "10.0.0.0/24",
        ),
        (
            json!({ "a": [{ "cidr": "host/8" }] }),
            "a[0].cidr",
            "10.0.0.0/24",
        ),
        (
            json!({ "a": [{ "numeric": [">"] }] }),
            "a[0].numeric",
            "write e.g.",
        ),
        (
            json!({ "a": [{ "numeric": ["=", "5"] }] }),
            "a[0].numeric[1]",
            "write a number",
        ),
        (
            json!({ "a": [{ "numeric": ["<", 5, ">", 0] }] }),
            "a[0].numeric",
            "write e.g.",
        ),
        (
            json!({ "a": [{ "numeric": [">", 5, "<", 5] }] }),
            "a[0].numeric",
            "write e.g.",
        ),
        (
            json!({ "a": [{ "numeric": [">", 5e10] }] }),
            "a[0].numeric[1]",
            "-5.0e9 to 5.0e9",
        ),
        (
            json!({ "a": [{ "anything-but": [] }] }),
            "a[0].anything-but",
            "list what is excluded",
        ),
        (
            json!({ "a": [{ "anything-but": ["a", 1] }] }),
            "a[0].anything-but",
            "only strings",
        ),
        (
            json!({ "a": [{ "anything-but": null }] }),
            "a[0].anything-but",
            "only strings",
        ),
        (
            json!({ "a": [{ "anything-but": { "prefix": "" } }] }),
            "a[0].anything-but.prefix",
            "at least one",
        ),
        (
            json!({ "a": [{ "anything-but": { "numeric": ["=", 1] } }] }),
            "a[0].anything-but.numeric",
            "write prefix",
        ),
        (json!({ "$or": { "a": [1] } }), "$or", "write {\"$or\""),
        (json!({ "$or": [{ "a": [1] }] }), "$or", "write {\"$or\""),
        (
            json!({ "$or": [{ "a": [1] }, "b"] }),
            "$or[1]",
            "name a field in it",
        ),
        (
            json!({ "$or": [{ "prefix": ["a"] }, { "b": [1] }] }),
            "$or[0].prefix",
            "name the field first",
        ),
        (
            json!({ "$or": [{ "a": [2] }, { "b": [1] }], "a": [1] }),
            "a",
            "list all values in one array",
        ),
        (
            json!({ "a": { "b": [1] }, "a.b": [1] }),
            "a.b",
            "list all values in one array",
        ),
    ];
    for (wrong, path, hint) in cases {
        let error = Pattern::parse(&wrong).expect_err(&wrong.to_string());
        assert_eq!(error.path, path, "{wrong}: {error}");
        assert!(error.hint.contains(hint), "{wrong}: {error}");
    }
}

#[test]
fn what_stands_in_place_of_a_string_is_named() {
    let operands = [
        (json!(null), "null"),
        (json!(true), "a boolean"),
        (json!(1), "a number"),
        (json!(["a"]), "an array"),
    ];
    for (operand, kind) in operands {
        let wrong = json!({ "a": [{ "prefix": operand }] });
        let error = Pattern::parse(&wrong).expect_err(&wrong.to_string());
        let text = error.to_string();
        assert!(text.contains(&format!("is {kind}, not a string")), "{text}");
    }
    let error = Pattern::parse(&json!("a")).expect_err("a text is no pattern");
    assert!(error.to_string().contains("is a string, not an object"));
    let wrong = json!({ "a": [{ "numeric": ["=", {}] }] });
    let error = Pattern::parse(&wrong).expect_err("an object is no number");
    assert!(error.to_string().contains("is an object, not a number"));
}

#[test]
fn a_pattern_longer_than_eventbridge_takes_is_refused() {
    let with = |length: usize| json!({ "a": ["x".repeat(length)] });
    let around = r#"{"a":[""]}"#.len();
    assert!(Pattern::parse(&with(MOST_CHARACTERS - around)).is_ok());
    assert!(Pattern::parse(&with(MOST_CHARACTERS - around + 1)).is_err());
    // Terraform writes `<` as six characters.
    assert!(Pattern::parse(&json!({ "a": ["<".repeat(400)] })).is_err());
}

#[test]
fn an_or_may_multiply_to_a_thousand_alternatives() {
    let or = |field: &str, branches: usize| {
        let branch = |at: usize| json!({ format!("{field}{at}"): [1] });
        json!({ "$or": (0..branches).map(branch).collect::<Vec<_>>() })
    };
    let multiplied = |last| json!({ "a": or("x", 10), "b": or("y", 10), "c": or("z", last) });
    assert!(Pattern::parse(&multiplied(10)).is_ok());
    assert!(Pattern::parse(&multiplied(11)).is_err());
}

#[test]
fn an_or_that_multiplies_without_end_is_refused() {
    let or = || json!({ "$or": [{ "x": [1] }, { "y": [1] }] });
    let nested: serde_json::Map<String, Value> = (0..40).map(|i| (format!("a{i}"), or())).collect();
    let error = Pattern::parse(&Value::Object(nested)).unwrap_err();
    assert!(
        error.what.contains("more than 1000 combinations"),
        "{error}"
    );
}
