//! One folder of definitions for each case under `tests/cases`, with what is said about it beside
//! it. Dropping a folder adds a test; `INSTA_UPDATE=always` writes what is new.

#![allow(clippy::unwrap_used)] // a test may

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use definitions::{Checked, Code, Severity, SourceFile, check, read_folder, render};
use model::Timestamp;

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn files(case: &Path) -> Vec<SourceFile> {
    let mut files = read_folder(&case.join("events")).unwrap();
    for file in &mut files {
        let path = Path::new(&file.path).strip_prefix(case).unwrap();
        file.path = path.to_str().unwrap().to_owned();
    }
    files
}

fn assert_case(case: &Path, checked: &Checked, files: &[SourceFile]) {
    let refused = checked
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    assert_eq!(checked.definitions.is_none(), refused);
    insta::with_settings!({
        snapshot_path => case,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("diagnostics", render(&checked.diagnostics, files, false));
    });
}

#[test]
fn every_case_is_diagnosed_as_its_snapshot_says() {
    let mut failed = Vec::new();
    for case in cases() {
        let files = files(&case);
        let checked = check(&files, now());
        if catch_unwind(AssertUnwindSafe(|| assert_case(&case, &checked, &files))).is_err() {
            failed.push(case.file_name().unwrap().to_owned());
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// These need files that are too large, too many or too odd to keep; `limits.rs` makes them.
const MADE_ELSEWHERE: &[Code] = &[
    Code::ArgumentsTooLong,
    Code::ChainTooDeep,
    Code::DuplicateFile,
    Code::FileTooLarge,
    Code::FileUnreadable,
    Code::TooManyProblems,
    Code::TooManyTasks,
];

#[test]
fn every_code_has_a_case() {
    let mut seen: BTreeSet<Code> = MADE_ELSEWHERE.iter().copied().collect();
    for case in cases() {
        let checked = check(&files(&case), now());
        seen.extend(checked.diagnostics.iter().map(|found| found.code));
    }
    let missing: Vec<&Code> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn good_definitions_become_the_models() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/good");
    let definitions = check(&files(&case), now())
        .definitions
        .expect("nothing is wrong with them");
    insta::with_settings!({
        snapshot_path => &case,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        let everything = (
            definitions.teams.values().collect::<Vec<_>>(),
            definitions.clusters.values().collect::<Vec<_>>(),
            definitions.workflows.values().collect::<Vec<_>>(),
        );
        insta::assert_json_snapshot!("definitions", everything);
    });
    for workflow in definitions.workflows.into_values() {
        let name = workflow.reference();
        choreography::plan::Plan::of(workflow).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
