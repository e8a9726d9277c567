//! Templates: read, checked and filled in.

use std::collections::{BTreeMap, BTreeSet};

use choreography::template::{Known, MOST_CHARACTERS, TemplateContext, check, render, variables};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::endure::endures;
use crate::text;

const GRAMMAR: &[&str] = &[
    "{{ ",
    " }}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "logical_date",
    "logical_time",
    "slot",
    "params.",
    "item.",
    "event.",
    "upstream.a.storage",
    "event.detail.key[0]",
    " | ",
    "| upper",
    "| date(\"%Y\")",
    "| add_days(1)",
    "| default(1)",
    "(",
    ")",
    ",",
    "'a'",
    "\"b\"",
    "1",
    "-1",
    "99999999999999999999",
    ".",
    "[",
    "]",
    "+",
    "*",
    "**",
    "range(10)",
    "for x in",
    "if",
    "self",
    "~",
    "text ",
];

fn ends(text: &str) {
    let known = Known {
        params: ["a".to_owned()].into(),
        items: ["b".to_owned()].into(),
        upstreams: ["a".to_owned()].into(),
        event: true,
    };
    let found = check(text, &known);
    let _ = variables(text);
    let event = json!({ "detail": { "key": ["one", 2, null] } });
    let instant: Timestamp = "2026-03-01T05:15:00Z".parse().unwrap();
    let context = TemplateContext {
        team: "weather",
        workflow: "daily",
        task: "clean",
        run: "weather--daily--1",
        slot: "1",
        logical_time: &instant.to_zoned(TimeZone::UTC),
        generation: 1,
        attempt: 1,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        params: &BTreeMap::from([("a".to_owned(), json!("x".repeat(2_000)))]),
        items: &BTreeMap::from([("b".to_owned(), "y".to_owned())]),
        upstreams: &BTreeSet::from(["a".to_owned()]),
        event: Some(&event),
    };
    let rendered = render(text, &context);
    if let Ok(rendered) = rendered
        && text.contains("{{")
    {
        assert_eq!(found, [], "what is filled in was found right before");
        assert!(rendered.chars().count() <= MOST_CHARACTERS);
    }
}

#[test]
fn any_template_is_read_and_filled_in() {
    endures("templates", text::pieces(GRAMMAR), |text| ends(text));
    let real = [
        "--date={{ logical_date }}",
        "{{ logical_date | add_days(-1) }}/{{ params.a }}/{{ item.b }}",
        "{{ upstream.a.storage }} {{ event.detail.key[0] }}",
    ];
    let real = real.map(str::to_owned).to_vec();
    endures(
        "templates, damaged",
        text::damaged_text(real, GRAMMAR),
        |text| ends(text),
    );
}
