//! What templates may not say, with the place and what would be right.

use super::super::{Known, MOST_CHARACTERS, check};
use super::{known, render_in};

#[test]
fn what_is_missing_or_does_not_fit_is_an_error_with_its_place() {
    let cases = [
        (
            "a {{ logical_dat }}",
            "logical_dat",
            "`logical_dat` has no value",
        ),
        (
            "{{ params.nope }}",
            "params.nope",
            "`params.nope` has no value",
        ),
        (
            "{{ upstream.other.storage }}",
            "upstream.other.storage",
            "`upstream.other.storage` has no value",
        ),
        (
            "{{ slot | date_add(1) }}",
            "",
            "date_add takes a date such as logical_date",
        ),
        (
            "{{ logical_date | date_add(9999999) }}",
            "",
            "outside the calendar",
        ),
        (
            "{{ team | strftime('%Y') }}",
            "",
            "strftime takes a date or a time with an offset",
        ),
    ];
    for (text, place, what) in cases {
        let error = render_in(text, None).unwrap_err();
        assert!(error.what.contains(what), "{text}: {error}");
        assert!(
            place.is_empty() || &text[error.range.clone()] == place,
            "{text}: {error:?}"
        );
    }
}

#[test]
fn more_than_variables_and_filters_is_refused_with_what_would_be_right() {
    let only = "only {{ … }} is allowed";
    let variable = "write a variable, with filters if need be";
    let cases = [
        ("{% for x in y %}", "{%", only),
        ("ä {{ slot }} {% raw %}", "{%", only),
        (
            "{{ slot }} \u{f8f0}% set x = 1 %\u{f8f0}",
            "\u{f8f0}%",
            only,
        ),
        ("{{ 'x' * 1000000000 }}", "'x' * 1000000000", variable),
        ("{{ range(10) }}", "range(10)", variable),
        (
            "{{ slot if run else task }}",
            "slot if run else task",
            variable,
        ),
        ("{{ [1, 2] }}", "[1, 2]", variable),
        ("{{ slot.upper() }}", "slot.upper()", variable),
        ("{{ slot ~ run }}", "slot ~ run", variable),
        ("{{ slot[1:2] }}", "slot[1:2]", variable),
        ("{{ params[slot] }}", "slot", variable),
        ("{{ 1 }}", "1", variable),
        (
            "{{ upstream.clean-2012.storage }}",
            "upstream.clean-2012.storage",
            "upstream[\"clean-2012\"].storage",
        ),
        (
            "{{ params.days-back }}",
            "params.days-back",
            "params[\"days-back\"]",
        ),
        (
            "{{ slot | upper }}",
            "upper",
            "there are only date_add and strftime",
        ),
        (
            "{{ slot | dateadd(1) }}",
            "dateadd",
            "did you mean date_add?",
        ),
        ("{{ slot | date_add }}", "date_add", "write e.g."),
        ("{{ slot | date_add('x') }}", "date_add", "write e.g."),
        (
            "{{ slot | date_add(attempt) }}",
            "attempt",
            "write a number or a string",
        ),
        (
            "{{ slot | date_add(1 * 2) }}",
            "1 * 2",
            "write a number or a string",
        ),
        ("{{ slot | strftime('%!') }}", "strftime", "write e.g."),
        ("{{ slot", "", "write e.g. {{ logical_date }}"),
        ("{{ }}", "", "write e.g. {{ logical_date }}"),
    ];
    for (text, place, hint) in cases {
        let errors = check(text, &known());
        let error = errors.first().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(error.hint.contains(hint), "{text}: {error}");
        assert!(
            place.is_empty() || &text[error.range.clone()] == place,
            "{text}: {error:?}"
        );
    }
}

#[test]
fn unknown_variables_are_found_when_defined_with_what_was_meant() {
    let cases = [
        (
            "{{ logical_dat }}",
            "logical_dat",
            "did you mean logical_date?",
        ),
        (
            "{{ nonsense }}",
            "nonsense",
            "there are attempt, generation",
        ),
        ("{{ slot.date }}", "slot.date", "write {{ slot }}"),
        (
            "{{ params.regio }}",
            "params.regio",
            "did you mean params.region?",
        ),
        (
            "{{ params.daysback }}",
            "params.daysback",
            "did you mean params[\"days-back\"]?",
        ),
        // The longer the name, the more may be wrong in it.
        (
            "{{ logical_dxty }}",
            "logical_dxty",
            "did you mean logical_date?",
        ),
        ("{{ params }}", "params", "write {{ params.<name> }}"),
        ("{{ item }}", "item", "write {{ item.<key> }}"),
        ("{{ item.month }}", "item.month", "write {{ item.<key> }}"),
        ("{{ event }}", "event", "give the workflow `events`"),
        (
            "{{ upstream }}",
            "upstream",
            "write {{ upstream.<task>.storage }}",
        ),
        (
            "{{ upstream.cleen.storage }}",
            "upstream.cleen.storage",
            "did you mean upstream.clean.storage?",
        ),
        (
            "{{ upstream.clean }}",
            "upstream.clean",
            "write {{ upstream.clean.storage }}",
        ),
        (
            "{{ upstream['clean-2012'].date }}",
            "upstream['clean-2012'].date",
            "write {{ upstream[\"clean-2012\"].storage }}",
        ),
        (
            "{{ event.detail.key }}",
            "event.detail.key",
            "give the workflow `events`",
        ),
    ];
    for (text, place, hint) in cases {
        let errors = check(text, &known());
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert_eq!(&text[errors[0].range.clone()], place, "{text}");
        assert!(errors[0].hint.contains(hint), "{text}: {}", errors[0]);
    }
    let started_by_events = Known {
        event: true,
        ..known()
    };
    let whole = check("{{ event }}", &started_by_events);
    assert_eq!(whole[0].hint, "write {{ event.<path> }}");
    let nothing = check("{{ params.region }}", &Known::default());
    assert_eq!(nothing[0].hint, "none are declared");
    assert_eq!(
        check("{{ a }} {{ b }} {{ slot }}", &known()).len(),
        2,
        "each one is reported"
    );
}

#[test]
fn a_text_may_not_be_or_become_too_long() {
    assert!(render_in(&"ä".repeat(MOST_CHARACTERS), None).is_ok());
    for text in [
        "ä".repeat(MOST_CHARACTERS + 1),
        "{{ params.long }}{{ params.long }}".to_owned(),
    ] {
        assert!(
            render_in(&text, None)
                .unwrap_err()
                .hint
                .contains("into a file")
        );
    }
    let many = "{{ params.long }}".repeat(500);
    assert!(
        render_in(&many, None)
            .unwrap_err()
            .hint
            .contains("into a file")
    );
}

#[test]
fn deep_expressions_are_refused_and_do_not_exhaust_the_stack() {
    let deep = |start: &str, step: &str, end: &str| {
        let count = (MOST_CHARACTERS - 50) / (step.len() + end.len());
        format!(
            "{{{{ {start}{}{} }}}}",
            step.repeat(count),
            end.repeat(count)
        )
    };
    let texts = [
        deep("event", ".a", ""),
        deep("event", "[0]", ""),
        deep("slot", "|f", ""),
        deep("slot", "|date_add(1)", ""),
        deep("", "(", ")"),
        deep("", "-", ""),
        deep("", "not ", ""),
        deep("slot", "~a", ""),
        deep("slot", "()", ""),
        deep("", "[", "]"),
        deep("slot", " if a else b", ""),
        deep("slot", " is x", ""),
        deep("1", "**1", ""),
        deep("", "{{", ""),
    ];
    for text in texts {
        assert!(render_in(&text, None).is_err(), "{}", &text[..30]);
    }
}
