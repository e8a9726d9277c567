//! Sets that are too large, too many or too hostile to be kept as files: every one ends soon, with
//! something clear to say.

#![allow(clippy::unwrap_used)] // a test may

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use definitions::{Checked, Code, Content, Diagnostic, MOST_BYTES, SourceFile, check, render};
use model::Timestamp;

const TEAM: &str = "description: x\n";
const CLUSTER: &str = "provision: { expression: \"cron(0 0 * * ? *)\" }\n\
    terminate: { expression: \"cron(0 3 * * ? *)\" }\n\
    release: emr-7.9.0\n\
    instances: { primary: m7g.xlarge }\n";
const JOB: &str = "batch: { job_definition: a, queue: b }";

/// Generous, as tests run unoptimised on busy machines; what is quadratic takes minutes.
const SOON: Duration = Duration::from_secs(60);

fn workflow(text: impl Into<Vec<u8>>) -> Vec<SourceFile> {
    vec![
        SourceFile::new("events/weather/team.yaml", TEAM),
        SourceFile::new("events/weather/clusters/night.yaml", CLUSTER),
        SourceFile::new("events/weather/workflows/daily.yaml", text),
    ]
}

fn soon(files: &[SourceFile]) -> Checked {
    let begun = Instant::now();
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let checked = check(files, now);
    render(&checked.diagnostics, files, true);
    assert!(begun.elapsed() < SOON, "took {:?}", begun.elapsed());
    checked
}

fn only(files: &[SourceFile]) -> Diagnostic {
    let mut found = soon(files).diagnostics;
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn ten_thousand_tasks_are_checked_soon() {
    let mut text = String::from("tasks:\n");
    for task in 0..10_000 {
        let before = match task {
            0 => String::new(),
            _ => format!("after: [t{}], ", task - 1),
        };
        writeln!(text, "  t{task}: {{ {before}{JOB}, timeout: 1h }}").unwrap();
    }
    let checked = soon(&workflow(text));
    assert_eq!(checked.diagnostics, []);
    let definitions = checked.definitions.unwrap();
    assert_eq!(
        definitions.workflows.values().next().unwrap().tasks.len(),
        10_000
    );
}

#[test]
fn ten_thousand_wrong_tasks_are_reported_soon() {
    let mut text = String::from("tasks:\n");
    for task in 0..10_000 {
        writeln!(
            text,
            "  t{task}: {{ after: [u{task}], {JOB}, comand: {{ }} }}"
        )
        .unwrap();
    }
    let found = soon(&workflow(text)).diagnostics;
    assert_eq!(found.len(), 10_001);
    assert!(found.iter().any(|found| found.code == Code::TooManyProblems
        && found.message == "there are 10000 more problems than are listed"));
}

#[test]
fn ten_thousand_users_of_a_wide_group_are_checked_soon() {
    let values: Vec<String> = (0..9_000).map(|value| value.to_string()).collect();
    let mut text = format!(
        "tasks:\n  wide: {{ for_each: {{ k: [{}] }}, {JOB} }}\n",
        values.join(", ")
    );
    for task in 0..9_000 {
        writeln!(
            text,
            "  t{task}: {{ after: wide, batch: {{ job_definition: a, queue: b, \
             command: ['{{{{ upstream[\"wide-7\"].storage }}}}'] }} }}"
        )
        .unwrap();
    }
    assert_eq!(soon(&workflow(text)).diagnostics, []);
}

#[test]
fn a_cycle_of_a_thousand_tasks_is_written_in_short() {
    let mut text = String::from("tasks:\n");
    for task in 0..1_000 {
        writeln!(
            text,
            "  t{task}: {{ after: [t{}], {JOB} }}",
            (task + 999) % 1_000
        )
        .unwrap();
    }
    let found = only(&workflow(text));
    assert_eq!(
        (found.code, found.message.as_str(), found.line),
        (
            Code::Cycle,
            "these tasks wait for each other: t0 → t1 → t2 → t3 → t4 → t5 → … 991 more … → \
             t997 → t998 → t999 → t0",
            2
        )
    );
}

#[test]
fn more_tasks_than_a_workflow_may_have_are_refused() {
    let values: Vec<String> = (0..1_000).map(|value| value.to_string()).collect();
    let values = values.join(", ");
    let text = format!(
        "tasks: {{ a: {{ for_each: {{ b: [{values}], c: [{values}], d: [{values}] }}, {JOB} }} }}"
    );
    assert_eq!(only(&workflow(text)).code, Code::TooManyTasks);
}

#[test]
fn a_chain_of_workflows_ends_where_runs_would_be_refused() {
    let chain = |length: usize| {
        let mut files = vec![SourceFile::new("events/weather/team.yaml", TEAM)];
        for link in 0..length {
            let after = if link == 0 {
                String::new()
            } else {
                format!("after: w{}\n", link - 1)
            };
            let path = format!("events/weather/workflows/w{link}.yaml");
            files.push(SourceFile::new(
                path,
                format!("{after}tasks: {{ a: {{ {JOB} }} }}\n"),
            ));
        }
        files
    };
    assert_eq!(soon(&chain(33)).diagnostics, []);
    let found = only(&chain(34));
    assert_eq!(
        (found.code, found.file.as_str()),
        (Code::ChainTooDeep, "events/weather/workflows/w33.yaml")
    );
}

#[test]
fn arguments_beyond_what_the_services_take_are_refused() {
    let at_most = |kind: &dyn Fn(String) -> String, fits: usize, code: Code| {
        let text = |length: usize| format!("tasks: {{ a: {{ {} }} }}", kind("x".repeat(length)));
        assert_eq!(soon(&workflow(text(fits))).diagnostics, []);
        assert_eq!(only(&workflow(text(fits + 1))).code, code);
    };
    let step = |text| format!("command: {{ cluster: night, command: [run, \"{text}\"] }}");
    at_most(&step, 10_237, Code::ArgumentsTooLong);
    let templated =
        |text| format!("command: {{ cluster: night, command: [run, \"{{{{ run }}}}{text}\"] }}");
    // The template itself may have so many characters; choreography says so.
    assert_eq!(
        only(&workflow(format!(
            "tasks: {{ a: {{ {} }} }}",
            templated("x".repeat(10_237))
        )))
        .code,
        Code::BadTemplate
    );
    let spark = |text| {
        format!(
            "spark: {{ cluster: night, script: x, class: C, conf: {{ k: v }}, args: [\"{text}\"] }}"
        )
    };
    let fixed = "spark-submit--deploy-modecluster--classC--confk=vx".len();
    // Its span is told, too: 55 characters.
    let span = "--confspark.yarn.appMasterEnv.TRACEPARENT=".len() + 55;
    at_most(&spark, 10_240 - fixed - span, Code::ArgumentsTooLong);
    let presto = |text| format!("presto: {{ cluster: night, statement: \"{text}\" }}");
    at_most(
        &presto,
        10_240 - "presto-cli--execute".len(),
        Code::ArgumentsTooLong,
    );
    let job = |text| format!("batch: {{ job_definition: a, queue: b, command: [\"{text}\"] }}");
    let body = "{\"containerOverrides\":{\"command\":[\"\"],\"environment\":[]},\"jobDefinition\":\"a\",\"jobQueue\":\"b\"}";
    let span = "{\"name\":\"TRACEPARENT\",\"value\":\"\"}".len() + 55;
    at_most(&job, 30 * 1024 - body.len() - span, Code::ArgumentsTooLong);
}

#[test]
fn files_that_cannot_be_used_get_one_clear_error_each() {
    let too_large = |content| SourceFile {
        path: "events/weather/team.yaml".into(),
        content,
    };
    let found = only(&[too_large(Content::TooLarge {
        bytes: 50 * 1024 * 1024,
    })]);
    assert_eq!(found.code, Code::FileTooLarge);
    assert_eq!(
        found.message,
        "the file has 52428800 bytes; at most 4194304 are read"
    );
    let bytes = vec![b' '; usize::try_from(MOST_BYTES).unwrap() + 1];
    assert_eq!(
        only(&[too_large(Content::Bytes(bytes))]).code,
        Code::FileTooLarge
    );
    let found = only(&[too_large(Content::Unreadable {
        reason: "permission denied".into(),
    })]);
    assert_eq!(found.code, Code::FileUnreadable);
    let twice = [
        SourceFile::new("a/weather/team.yaml", TEAM),
        SourceFile::new("b/weather/team.yaml", TEAM),
    ];
    let found = only(&twice);
    assert_eq!(
        (found.code, found.file.as_str()),
        (Code::DuplicateFile, "b/weather/team.yaml")
    );
}

/// Nothing in here is meant to be understood; it is meant to end.
#[test]
fn hostile_files_end_soon() {
    // A quarter of what may be read: quadratic work would show, and the test stays short.
    let most = usize::try_from(MOST_BYTES).unwrap() / 4;
    let filled = |unit: &str| unit.repeat(most / unit.len());
    let keys = |count: usize| {
        (0..count)
            .map(|key| format!("k{key}: 1\n"))
            .collect::<String>()
    };
    let files = [
        filled("["),
        filled("{"),
        filled("- "),
        filled("a: "),
        filled("? "),
        filled("\""),
        filled("a\n"),
        filled("&a "),
        filled("*a\n"),
        filled("!!a "),
        filled("#"),
        filled("a,"),
        filled("[],") + "]",
        format!("[{}]", filled("a,").trim_end_matches(',')),
        format!("tasks: {{{}}}", filled("a: 1, ")),
        format!("description: \"{}\"", filled("{{ x }} ")),
        filled("\u{1F426}"),
        filled("%"),
        filled("---\n"),
        filled("AKIAIOSFODNN7EXAMPLE\n"),
        format!("description: |\n{}", filled("  AKIAIOSFODNN7EXAMPLE\n")),
        format!("description: {}", filled("AKIAIOSFODNN7EXAMPLE ")),
        keys(200_000),
        format!(
            "params: {{{}}}\ntasks: {{}}",
            keys(100_000).replace('\n', ", ")
        ),
    ];
    for text in files {
        let head: String = text.chars().take(40).collect();
        let begun = Instant::now();
        let text = text.into_bytes();
        let text = text[..text.len().min(most)].to_vec();
        let checked = soon(&workflow(text));
        assert_ne!(checked.diagnostics, [], "{head}");
        println!("{:>6} ms  {:?}", begun.elapsed().as_millis(), head);
    }
}
