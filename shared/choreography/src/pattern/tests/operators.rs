//! Each operator, on one field: what it matches and what not.

use serde_json::{Value, json};

use super::check;
use super::check_field;

#[test]
fn values_match_only_values_of_their_type() {
    check_field(
        json!([""]),
        &[json!("")],
        &[json!(null), json!("a"), json!([])],
    );
    check_field(
        json!([null]),
        &[json!(null), json!([null])],
        &[json!(""), json!("null"), json!(0)],
    );
    check_field(
        json!([true]),
        &[json!(true)],
        &[json!("true"), json!(false)],
    );
    check_field(
        json!([300]),
        &[json!(300), json!(300.0), json!(3.0e2)],
        &[json!("300"), json!(301)],
    );
    check_field(json!(["300"]), &[json!("300")], &[json!(300)]);
    check_field(
        json!(["10.0.0.1"]),
        &[json!("10.0.0.1")],
        &[json!("10.0.0.2")],
    );
    check_field(
        json!(["2001:db8::1"]),
        &[json!("2001:db8:0::1")],
        &[json!("2001:db8::2")],
    );
}

#[test]
fn operators_match_what_the_user_guide_says() {
    check_field(
        json!([{ "prefix": "2017-10-02" }]),
        &[json!("2017-10-02T18:43:48Z")],
        &[json!("2017-10-03"), json!(2017)],
    );
    check_field(
        json!([{ "prefix": { "equals-ignore-case": "EventB" } }]),
        &[json!("eventbridge"), json!("EVENTBRIDGE")],
        &[json!("event")],
    );
    check_field(
        json!([{ "suffix": ".png" }]),
        &[json!("a.png"), json!(".png")],
        &[json!("a.PNG"), json!("png")],
    );
    check_field(
        json!([{ "suffix": { "equals-ignore-case": ".png" } }]),
        &[json!("a.PNG")],
        &[json!("a.jpg")],
    );
    check_field(
        json!([{ "equals-ignore-case": "alice" }]),
        &[json!("Alice"), json!("ALICE")],
        &[json!("alic"), json!(1)],
    );
    check_field(
        json!([{ "exists": true }]),
        &[json!(1), json!(null), json!("")],
        &[json!([]), json!({}), json!({ "x": 1 })],
    );
    check_field(
        json!([{ "exists": false }]),
        &[json!([]), json!({ "x": 1 })],
        &[json!(1), json!(null)],
    );
    check_field(
        json!([{ "cidr": "10.0.0.0/24" }]),
        &[json!("10.0.0.0"), json!("10.0.0.255")],
        &[json!("10.0.1.0"), json!("::1"), json!("host")],
    );
    check_field(
        json!([{ "cidr": "2001:db8::/32" }]),
        &[json!("2001:db8:1::1")],
        &[json!("2001:db9::"), json!("10.0.0.1")],
    );
    check_field(
        json!([{ "cidr": "0.0.0.0/0" }]),
        &[json!("255.255.255.255")],
        &[json!("::")],
    );
    check_field(
        json!(["a", { "prefix": "b" }]),
        &[json!("a"), json!("bc")],
        &[json!("ac")],
    );
}

#[test]
fn numbers_are_compared_as_the_user_guide_says() {
    let numeric = |comparison: Value| json!([{ "numeric": comparison }]);
    check_field(
        numeric(json!([">", 0, "<=", 5])),
        &[json!(0.1), json!(5)],
        &[json!(0), json!(5.1), json!("3")],
    );
    check_field(
        numeric(json!([">=", 0, "<", 5])),
        &[json!(0), json!(4.9)],
        &[json!(5), json!(-1)],
    );
    check_field(
        numeric(json!(["<", 10])),
        &[json!(9), json!(-9e9)],
        &[json!(10)],
    );
    check_field(numeric(json!(["=", 5.0e9])), &[json!(5.0e9)], &[json!(5)]);
    check_field(numeric(json!(["<=", 10])), &[json!(10)], &[json!(11)]);
    check_field(numeric(json!([">", -1.5])), &[json!(-1)], &[json!(-1.5)]);
    check_field(numeric(json!([">=", -1.5])), &[json!(-1.5)], &[json!(-2)]);
    check_field(
        numeric(json!(["=", 3.018e2])),
        &[json!(301.8)],
        &[json!(301.81), json!("301.8")],
    );
}

#[test]
fn anything_but_matches_present_values_that_are_not_excluded() {
    let but = |excluded: Value| json!([{ "anything-but": excluded }]);
    check_field(
        but(json!("initializing")),
        &[json!("running"), json!(1), json!(null)],
        &[json!("initializing")],
    );
    check_field(
        but(json!(123)),
        &[json!(124), json!("123")],
        &[json!(123), json!(123.0)],
    );
    check_field(
        but(json!(["stopped", "overloaded"])),
        &[json!("running")],
        &[json!("stopped")],
    );
    check_field(
        but(json!([100, 200, 300])),
        &[json!(150), json!("100")],
        &[json!(200)],
    );
    check_field(
        but(json!({ "prefix": "init" })),
        &[json!("run"), json!(1)],
        &[json!("initial")],
    );
    check_field(
        but(json!({ "prefix": ["init", "err"] })),
        &[json!("run")],
        &[json!("error")],
    );
    check_field(
        but(json!({ "suffix": ".png" })),
        &[json!("a.jpg")],
        &[json!("a.png")],
    );
    check_field(
        but(json!({ "equals-ignore-case": "initializing" })),
        &[json!("x")],
        &[json!("INITIALIZING")],
    );
    check_field(
        but(json!({ "equals-ignore-case": ["a", "B"] })),
        &[json!("c")],
        &[json!("b")],
    );
    check_field(
        but(json!({ "wildcard": "*/lib/*" })),
        &[json!("/usr/bin/a")],
        &[json!("/usr/lib/a")],
    );
    check_field(
        but(json!({ "wildcard": ["*.a", "*.b"] })),
        &[json!("x.c")],
        &[json!("x.b")],
    );
    check(
        json!({ "f": [{ "anything-but": "a" }] }),
        &[],
        &[json!({}), json!({ "f": [] })],
    );
}

#[test]
fn wildcards_match_any_length_and_take_escapes() {
    let cases: [(&str, &[&str], &[&str]); 9] = [
        (
            "dir/*.png",
            &["dir/a.png", "dir/.png", "dir/b/c.png"],
            &["dir/a.jpg", "a.png"],
        ),
        ("*", &["", "a"], &[]),
        ("a", &["a"], &["", "aa"]),
        ("*a", &["a", "ba"], &["ab"]),
        ("a*", &["a", "ab"], &["ba"]),
        ("a*b*c", &["abc", "axbxbxc", "abcbc"], &["ac", "acb", "ab"]),
        ("ab*ba", &["abba", "ab-ba"], &["aba"]),
        ("\\*a\\\\*", &["*a\\", "*a\\b"], &["xa\\", "*a"]),
        ("ä*ö", &["äö", "äüö"], &["ä"]),
    ];
    for (wildcard, matching, others) in cases {
        let values = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
        check_field(
            json!([{ "wildcard": wildcard }]),
            &values(matching),
            &values(others),
        );
    }
}
