//! Definitions: the project's own files with damage, and anything else.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use definitions::{Content, Severity, SourceFile, check, render, to_json};
use model::Timestamp;
use proptest::prelude::*;

use crate::endure::{Input, endures};
use crate::text;

const GRAMMAR: &[&str] = &[
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "? ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\"{{ ",
    " }}\"",
    "on",
    "12:30",
    "2026-03-01",
    "80%",
    "9d",
    "tasks",
    "after",
    "spark",
    "batch",
    "presto",
    "command",
    "for_each",
    "cluster",
    "schedule",
    "events",
    "pools",
    "quota",
    "cron(0 0 * * ? *)",
    "rate(",
    "at(",
    "trigger_rule",
    "{a: ",
    "[[",
    "]]",
    "{prefix: a}",
    "emr-7.9.0",
    "instances",
    "AKIAIOSFODNN7EXAMPLE",
];

/// A set of files of which one is damaged.
#[derive(Clone)]
struct Set {
    path: String,
    text: Vec<u8>,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {:?}",
            self.path,
            self.text.escape_ascii().to_string()
        )
    }
}

impl Input for Set {
    fn bytes(&self) -> usize {
        // Some others are read, too.
        self.text.len() + 10_000
    }
}

/// The definitions this project comes with.
static REAL: LazyLock<Vec<SourceFile>> = LazyLock::new(|| {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events"));
    let files = definitions::read_folder(folder).unwrap();
    assert!(files.len() > 5, "the examples are there");
    files
        .into_iter()
        .map(|file| SourceFile {
            path: file.path.replace(&folder.display().to_string(), "events"),
            ..file
        })
        .collect()
});

fn texts() -> Vec<(String, String)> {
    let texts = REAL.iter().map(|file| match &file.content {
        Content::Bytes(text) => (file.path.clone(), String::from_utf8(text.clone()).unwrap()),
        Content::TooLarge { .. } | Content::Unreadable { .. } => panic!("{} is read", file.path),
    });
    texts.collect()
}

/// Checks the damaged file with what it may lean on.
fn ends(set: &Set) {
    let leans_on = |file: &&SourceFile| file.path != set.path && !file.path.contains("/workflows/");
    let mut files: Vec<SourceFile> = REAL.iter().filter(leans_on).cloned().collect();
    files.push(SourceFile::new(set.path.clone(), set.text.clone()));
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let checked = check(&files, now);
    let mut found = checked.diagnostics.iter();
    let refused = found.any(|found| found.severity == Severity::Error);
    assert_eq!(checked.definitions.is_none(), refused);
    render(&checked.diagnostics, &files, true);
    to_json(&checked.diagnostics);
}

#[test]
fn damaged_definitions_are_checked() {
    let set = prop::sample::select(texts()).prop_flat_map(|(path, text)| {
        text::damaged(vec![text], GRAMMAR).prop_map(move |text| Set {
            path: path.clone(),
            text,
        })
    });
    endures("definitions, damaged", set, ends);
}

#[test]
fn any_definitions_are_checked() {
    let paths: Vec<String> = texts().into_iter().map(|(path, _)| path).collect();
    let set = (prop::sample::select(paths), text::pieces(GRAMMAR)).prop_map(|(path, text)| Set {
        path,
        text: text.into_bytes(),
    });
    endures("definitions, any", set, ends);
}
