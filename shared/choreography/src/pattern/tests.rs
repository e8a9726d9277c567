//! Tables from the EventBridge User Guide and from event-ruler's own documentation.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod operators;
mod own_facts;
mod refusals;

fn pattern(pattern: &Value) -> Pattern {
    Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// Checks one pattern against events that it must match and events that it must not.
fn check(wanted: Value, matching: &[Value], others: &[Value]) {
    let pattern = pattern(&wanted);
    for event in matching {
        assert!(pattern.matches(event), "{wanted} must match {event}");
    }
    for event in others {
        assert!(!pattern.matches(event), "{wanted} must not match {event}");
    }
}

/// Checks the array that ends a path, against values of the field `f`.
fn check_field(wanted: Value, matching: &[Value], others: &[Value]) {
    let events = |values: &[Value]| values.iter().map(|v| json!({ "f": v })).collect::<Vec<_>>();
    check(json!({ "f": wanted }), &events(matching), &events(others));
}

fn ec2_event() -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": "111122223333",
        "time": "2017-12-22T18:43:48Z",
        "region": "us-west-1",
        "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
        "detail": { "instance-id": "i-1234567890abcdef0", "state": "terminated" }
    })
}

#[test]
fn all_named_fields_must_match_and_any_of_their_values_may() {
    let event = [ec2_event()];
    let type_name = "EC2 Instance State-change Notification";
    check(
        json!({ "source": ["aws.ec2"], "detail-type": [type_name], "detail": { "state": ["stopped", "terminated"] } }),
        &event,
        &[],
    );
    check(json!({ "detail.state": ["terminated"] }), &event, &[]);
    check(
        json!({ "source": ["aws.ec2"], "detail": { "state": ["running"] } }),
        &[],
        &event,
    );
    check(
        json!({ "source": ["aws.ec2"], "detail": { "reason": ["x"] } }),
        &[],
        &event,
    );
    check(json!({ "detail": ["terminated"] }), &[], &event);
}

#[test]
fn an_array_in_the_event_matches_with_any_element() {
    let resources = json!([
        "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:eb56d16b",
        "arn:aws:ec2:us-east-1:111122223333:instance/i-b188560f"
    ]);
    let wanted = json!([
        "arn:aws:ec2:us-east-1:123456789012:instance/i-b188560f",
        "arn:aws:ec2:us-east-1:111122223333:instance/i-b188560f"
    ]);
    check_field(
        wanted,
        &[
            resources,
            json!([["arn:aws:ec2:us-east-1:111122223333:instance/i-b188560f"]]),
        ],
        &[json!([])],
    );
    check_field(
        json!([{ "anything-but": "a" }]),
        &[json!(["a", "b"])],
        &[json!(["a"]), json!([])],
    );
}

#[test]
fn values_of_different_array_elements_never_match_together() {
    let employees = |elements: Value| json!({ "employees": elements });
    check(
        json!({ "employees": { "first": ["Anna"], "last": ["Smith"] } }),
        &[
            employees(
                json!([{ "first": "Bob", "last": "Lee" }, { "first": "Anna", "last": "Smith" }]),
            ),
            employees(json!({ "first": "Anna", "last": "Smith" })),
        ],
        &[employees(
            json!([{ "first": "Anna", "last": "Lee" }, { "first": "Bob", "last": "Smith" }]),
        )],
    );
    check(
        json!({ "a": { "b": { "x": [1] }, "y": [2] } }),
        &[json!({ "a": [{ "b": [{ "x": 3 }, { "x": 1 }], "y": 2 }] })],
        &[json!({ "a": [{ "b": [{ "x": 1 }], "y": 3 }, { "b": [{ "x": 3 }], "y": 2 }] })],
    );
    check(
        json!({ "items": { "a": [1], "b": [{ "exists": false }] } }),
        &[json!({ "items": [{ "a": 1 }, { "a": 2, "b": 1 }] })],
        &[json!({ "items": [{ "a": 1, "b": 1 }, { "a": 2 }] })],
    );
    check(
        json!({ "items": { "b": [{ "exists": false }] } }),
        &[json!({ "items": [] }), json!({})],
        &[json!({ "items": [{ "b": 1 }, { "a": 1 }] })],
    );
}

#[test]
fn or_needs_one_of_its_branches_and_everything_around_it() {
    check(
        json!({
            "source": ["aws.cloudwatch"],
            "$or": [{ "metricName": ["CPUUtilization"] }, { "metricType": ["M"], "namespace": ["AWS/EC2"] }]
        }),
        &[
            json!({ "source": "aws.cloudwatch", "metricName": "CPUUtilization" }),
            json!({ "source": "aws.cloudwatch", "metricType": "M", "namespace": "AWS/EC2" }),
        ],
        &[
            json!({ "source": "aws.cloudwatch", "namespace": "AWS/EC2" }),
            json!({ "source": "other", "metricName": "CPUUtilization" }),
        ],
    );
    check(
        json!({ "detail": {
            "$or": [{ "c": [{ "numeric": [">", 0] }] }, { "$or": [{ "d": [1] }, { "e": [{ "exists": true }] }] }],
            "x": [1]
        } }),
        &[
            json!({ "detail": { "c": 1, "x": 1 } }),
            json!({ "detail": { "d": 1, "x": 1 } }),
            json!({ "detail": { "e": 9, "x": 1 } }),
        ],
        &[
            json!({ "detail": { "c": 0, "x": 1 } }),
            json!({ "detail": { "c": 1 } }),
        ],
    );
}

#[test]
fn long_arrays_are_matched_without_comparing_all_pairs() {
    let elements: Vec<Value> = (0..20_000)
        .map(|i| {
            if i % 2 == 0 {
                json!({ "x": 1 })
            } else {
                json!({ "y": 1 })
            }
        })
        .collect();
    check(
        json!({ "a": { "x": [1], "y": [1] } }),
        &[],
        &[json!({ "a": elements })],
    );
    check(
        json!({ "a": { "x": [1], "y": [1] } }),
        &[],
        &[json!({ "a": [elements] })],
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = "prefix|suffix|wildcard|anything-but|numeric|exists|cidr|equals-ignore-case|\\$or|source|a|b";
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "[a*\\\\<=>.0-9/]{0,4}".prop_map(|value| json!(value)),
    ];
    scalar.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(words, inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_parsed_or_refused_and_never_panics(wanted in any_json(), event in any_json()) {
        if let Ok(pattern) = Pattern::parse(&wanted) {
            pattern.matches(&event);
            pattern.could_match_source("murmur");
        }
    }

    #[test]
    fn what_cannot_match_a_source_does_not_match_one(wanted in any_json(), rest in "[a*./0-9]{0,3}") {
        let wanted = json!({ "source": [wanted] });
        if let Ok(pattern) = Pattern::parse(&wanted) {
            let event = json!({ "source": format!("m{rest}") });
            prop_assert!(!pattern.matches(&event) || pattern.could_match_source("m"));
        }
    }
}
