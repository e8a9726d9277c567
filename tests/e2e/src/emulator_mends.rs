//! The mends of the emulator, tested by themselves, in `test_emulator.py`.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use std::path::Path;
use std::process::Command;

#[test]
fn the_mended_emulator_fires_schedules_as_aws_does() {
    let python = stand_in::python::install(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let status = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/test_emulator.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status();
    assert!(status.unwrap().success());
}
