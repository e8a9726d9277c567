//! The stand-in's protocols, checked with AWS's own client for Python.
//!
//! The tests themselves are in `wire.py`; each begins with a stand-in of its own.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use std::path::Path;
use std::process::Command;

#[test]
fn the_services_protocols_are_spoken_as_boto3_speaks_them() {
    let python = stand_in::python::install(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let status = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire.py"))
        .env("STAND_IN", env!("CARGO_BIN_EXE_stand-in"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status();
    assert!(status.unwrap().success());
}
