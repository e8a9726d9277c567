//! What templates say and what they become.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod refusals;

/// Renders with the values of a typical attempt.
fn render_in(text: &str, event: Option<&Value>) -> Result<String, TemplateError> {
    let logical_time: Zoned = "2026-11-01T00:15:00[America/New_York]".parse().unwrap();
    let params = BTreeMap::from([
        ("region".to_owned(), json!("eu")),
        ("days-back".to_owned(), json!(3)),
        ("ratio".to_owned(), json!(0.5)),
        ("dry".to_owned(), json!(true)),
        ("long".to_owned(), json!("ä".repeat(6_000))),
    ]);
    let items = BTreeMap::from([("year".to_owned(), "2012".to_owned())]);
    let upstreams = BTreeSet::from(["clean".to_owned(), "clean-2012".to_owned()]);
    let context = TemplateContext {
        team: "weather",
        workflow: "daily_report",
        task: "aggregate",
        run: "weather-daily_report-2026-11-01",
        slot: "2026-11-01T04:15:00Z",
        logical_time: &logical_time,
        generation: 1,
        attempt: 2,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        params: &params,
        items: &items,
        upstreams: &upstreams,
        event,
    };
    render(text, &context)
}

fn known() -> Known {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Known {
        params: names(&["region", "days-back"]),
        items: names(&["year"]),
        upstreams: names(&["clean", "clean-2012"]),
        event: false,
    }
}

#[test]
fn variables_become_the_values_of_the_attempt() {
    let cases = [
        ("", ""),
        ("{{ item.year }}", "2012"),
        (
            "plain } text } with }} braces",
            "plain } text } with }} braces",
        ),
        ("{# ${#array[@]} is text", "{# ${#array[@]} is text"),
        ("{{ slot }} {# too", "2026-11-01T04:15:00Z {# too"),
        ("--date={{ logical_date }}\n", "--date=2026-11-01\n"),
        ("{{logical_time}}", "2026-11-01T00:15:00-04:00"),
        (
            "{{ run }}/{{ generation }}/{{ attempt }}",
            "weather-daily_report-2026-11-01/1/2",
        ),
        (
            "{{ team }}.{{ workflow }}.{{ task }}",
            "weather.daily_report.aggregate",
        ),
        ("{{ storage }}", "weather/daily_report/aggregate/2026-11-01"),
        (
            "{{ upstream.clean.storage }}",
            "weather/daily_report/clean/2026-11-01",
        ),
        (
            "{{ upstream[\"clean-2012\"].storage }}",
            "weather/daily_report/clean-2012/2026-11-01",
        ),
        ("{{ params.region }} {{ params['days-back'] }}", "eu 3"),
        ("{{ params.ratio }} {{ params.dry }}", "0.5 true"),
        ("{{ \"{{\" }} {{ '{%' }}", "{{ {%"),
        ("a  {{- slot -}}  b", "a2026-11-01T04:15:00Zb"),
        ("<{{ \"<&>\" }}>", "<<&>>"),
    ];
    for (text, expected) in cases {
        assert_eq!(render_in(text, None).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn filters_move_and_format_dates() {
    let cases = [
        ("{{ logical_date | date_add(1) }}", "2026-11-02"),
        ("{{ logical_date | date_add(-1) }}", "2026-10-31"),
        (
            "{{ logical_date|date_add(120)|strftime('%Y/%m/%d') }}",
            "2027/03/01",
        ),
        (
            "{{ logical_time | strftime('%Y%m%d-%H%M%z') }}",
            "20261101-0015-0400",
        ),
        ("{{ '2026-01-31' | date_add(29) }}", "2026-03-01"),
    ];
    for (text, expected) in cases {
        assert_eq!(render_in(text, None).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn an_event_gives_its_values_by_path() {
    let event = json!({
        "time": "2026-11-01T10:00:00Z",
        "resources": ["arn:aws:s3:::bucket"],
        "detail": { "object": { "key": "in/a.csv", "size": 5 }, "tags": null }
    });
    let cases = [
        ("{{ event.detail.object.key }}", "in/a.csv"),
        ("{{ event.detail.object.size }}", "5"),
        ("{{ event.resources[0] }}", "arn:aws:s3:::bucket"),
        ("{{ event.time | strftime('%H') }}", "10"),
    ];
    for (text, expected) in cases {
        assert_eq!(
            render_in(text, Some(&event)).as_deref(),
            Ok(expected),
            "{text}"
        );
    }
    let refused = [
        (
            "{{ event.detail.version }}",
            "`event.detail.version` has no value",
        ),
        (
            "{{ event.resources[1] }}",
            "`event.resources.1` has no value",
        ),
        (
            "{{ event.detail.object }}",
            "`event.detail.object` is an object",
        ),
        ("{{ event.detail.tags }}", "`event.detail.tags` is null"),
        ("{{ event.resources }}", "`event.resources` is a list"),
    ];
    for (text, what) in refused {
        assert_eq!(
            render_in(text, Some(&event)).unwrap_err().what,
            what,
            "{text}"
        );
    }
    let hint = |text: &str, event| render_in(text, event).unwrap_err().hint;
    let leave_out = "give it a value, or leave it out of the template";
    let only_then = "only runs that an event started have one";
    assert_eq!(hint("{{ event.time }}", None), only_then);
    assert_eq!(hint("{{ event.detail.version }}", Some(&event)), leave_out);
    assert_eq!(hint("{{ params.nope }}", None), leave_out);
}

#[test]
fn right_templates_have_no_problems() {
    let known = Known {
        event: true,
        ..known()
    };
    let text = "{{ logical_date | date_add(1) }} {{ params.region }} {{ event.detail.key }} \
                {{ upstream.clean.storage }} {{ upstream['clean-2012'].storage }} {{ '{{' }}";
    assert_eq!(check(text, &known), []);
}

#[test]
fn the_variables_of_a_text_are_listed_once_each() {
    let text = "{{ slot }} {{ slot|strftime('%Y') }} {{ upstream['clean-2012'].storage }} {{ event.a[0] }}";
    let listed: Vec<String> = variables(text).unwrap().into_iter().collect();
    assert_eq!(listed, ["event.a.0", "slot", "upstream.clean-2012.storage"]);
}

proptest! {
    #[test]
    fn any_text_is_rendered_or_refused_with_a_place_inside_it(
        text in "([{}%#a\\-\\.|\\[\\]()\"'0-9äß\u{f8f0} \n]|\\{\\{|\\}\\}|slot|event|date_add){0,40}"
    ) {
        for error in check(&text, &known()).into_iter().chain(render_in(&text, None).err()) {
            prop_assert!(text.get(error.range.clone()).is_some(), "{error:?}");
        }
        if !text.contains("{{") && !text.contains("{%") {
            prop_assert_eq!(render_in(&text, None), Ok(text));
        }
    }
}
