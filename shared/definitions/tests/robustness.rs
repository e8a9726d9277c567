//! Whatever the bytes, checking ends without a panic, and definitions come out if and only if
//! nothing was refused.

#![allow(clippy::unwrap_used)] // a test may

use definitions::{Severity, SourceFile, check, render, to_json};
use model::Timestamp;
use proptest::prelude::*;

const TEAM: &str = include_str!("cases/good/events/weather/team.yaml");
const CLUSTER: &str = include_str!("cases/good/events/weather/clusters/analytics.yaml");
const NIGHT: &str = include_str!("cases/good/events/weather/clusters/overnight-etl.yaml");
const WORKFLOW: &str = include_str!("cases/good/events/weather/workflows/daily_report.yaml");
const NIGHTLY: &str = include_str!("cases/good/events/sales/workflows/nightly.yaml");

fn set(which: usize, text: Vec<u8>) -> Vec<SourceFile> {
    let mut files = vec![
        SourceFile::new("events/weather/team.yaml", TEAM),
        SourceFile::new("events/weather/clusters/analytics.yaml", CLUSTER),
        SourceFile::new("events/weather/clusters/overnight-etl.yaml", NIGHT),
        SourceFile::new("events/weather/workflows/daily_report.yaml", WORKFLOW),
        SourceFile::new("events/sales/workflows/nightly.yaml", NIGHTLY),
        SourceFile::new("events/sales/team.yaml", ""),
    ];
    let path = files[which].path.clone();
    files[which] = SourceFile::new(path, text);
    files
}

fn assert_ends(files: &[SourceFile]) {
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let checked = check(files, now);
    let refused = checked
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    assert_eq!(
        checked.definitions.is_none(),
        refused,
        "{:#?}",
        checked.diagnostics
    );
    for found in &checked.diagnostics {
        assert!(found.span.start <= found.span.end && found.line > 0 && found.column > 0);
    }
    render(&checked.diagnostics, files, true);
    to_json(&checked.diagnostics);
}

/// Pieces that mean something to YAML, to the grammar or to a template.
const PIECES: &[&str] = &[
    "\n",
    "  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "|\n",
    ">\n",
    "#",
    "&a",
    "*a",
    "!t",
    "? ",
    "---\n",
    "...\n",
    "\t",
    "\r\n",
    "\u{feff}",
    "ä",
    "\u{1F426}",
    "\0",
    "{{ ",
    " }}",
    "on",
    "12:30",
    "2026-03-01",
    "0x1F",
    "-1",
    "99999999999999999999",
    "1e400",
    "null",
    "~",
    "80%",
    "9d",
    "tasks:",
    "after:",
    "spark:",
    "batch:",
    "for_each:",
    "cluster:",
    "cron(",
    "rate(",
    "at(",
    "<<",
    "{ prefix: a }",
    "\\",
    "\\u12",
    "%YAML 1.2\n",
    "AKIAIOSFODNN7EXAMPLE",
];

/// Where, how many bytes go, and what comes in their place.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, usize, &'static str)> {
    (
        any::<prop::sample::Index>(),
        0_usize..12,
        prop::sample::select(PIECES),
    )
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(64),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    // `PROPTEST_CASES` raises it; whatever fails is printed whole, and belongs into `cases`.
    #![proptest_config(config())]

    #[test]
    fn any_bytes_end(which in 0_usize..6, text in prop::collection::vec(any::<u8>(), 0..400)) {
        assert_ends(&set(which, text));
    }

    #[test]
    fn any_pieces_end(
        which in 0_usize..6,
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        assert_ends(&set(which, pieces.concat().into_bytes()));
    }

    #[test]
    fn mutated_definitions_end(
        which in 0_usize..5,
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let mut text = [TEAM, CLUSTER, NIGHT, WORKFLOW, NIGHTLY][which].as_bytes().to_vec();
        for (at, cut, piece) in mutations {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + cut).min(text.len());
            text.splice(start..end, piece.bytes());
        }
        assert_ends(&set(which, text));
    }
}
