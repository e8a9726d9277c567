//! What the demo's work runs with: Java, and a virtual environment with a pinned pyspark.
//!
//! The environment lies under target/demo and is stamped when it is whole, so the second time
//! costs nothing and one that was left half-way is made anew.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::project::{command, root, shown};

/// The oldest Python the demo's jobs run with.
const PYTHON: (u32, u32) = (3, 11);
/// The oldest Java that Spark runs with.
const JAVA: u32 = 17;
const REQUIREMENTS: &str = "demo/requirements.txt";
const ENVIRONMENT: &str = "target/demo/venv";
const STAMP: &str = "murmur-stamp";

/// A virtual environment that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    folder: PathBuf,
    pub python: PathBuf,
    pub spark_submit: PathBuf,
    spark_home: PathBuf,
}

impl Environment {
    /// What activating it would set.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut path = vec![self.folder.join("bin")];
        path.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let path = std::env::join_paths(path).expect("PATH was split at its separators");
        vec![
            ("PATH", path),
            ("VIRTUAL_ENV", self.folder.clone().into()),
            ("SPARK_HOME", self.spark_home.clone().into()),
            ("PYSPARK_PYTHON", self.python.clone().into()),
        ]
    }

    /// Finds the parts of an environment; `None` when one is missing.
    fn at(folder: PathBuf) -> Option<Self> {
        let libraries = fs::read_dir(folder.join("lib"))
            .ok()?
            .filter_map(Result::ok);
        let spark_home = libraries
            .map(|library| library.path().join("site-packages/pyspark"))
            .find(|pyspark| pyspark.is_dir())?;
        let environment = Self {
            python: folder.join("bin/python"),
            spark_submit: folder.join("bin/spark-submit"),
            spark_home,
            folder,
        };
        let whole = environment.python.exists() && environment.spark_submit.exists();
        whole.then_some(environment)
    }
}

/// A Python that can make an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    pub program: PathBuf,
    /// As it says: `Python 3.11.7`.
    version: String,
}

/// Makes the environment unless it is there. Says in one line what is missing on this machine.
pub fn prepare() -> Result<Environment> {
    check_java()?;
    if let Some(environment) = ready() {
        return Ok(environment);
    }
    let python = find_python()?;
    let folder = root().join(ENVIRONMENT);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove the unfinished {ENVIRONMENT}"))?;
    }
    let started = Instant::now();
    eprint!("Installing {REQUIREMENTS} into {ENVIRONMENT} (500 MB, once) ... ");
    std::io::stderr().flush()?;
    let made = make(&python, &folder);
    eprintln!(
        "{}",
        if made.is_ok() {
            format!("{} s", started.elapsed().as_secs())
        } else {
            "failed".to_owned()
        }
    );
    made?;
    ready().context("pyspark was installed, but its spark-submit is missing")
}

/// The environment, when it is whole and its Python still runs.
pub fn ready() -> Option<Environment> {
    let folder = root().join(ENVIRONMENT);
    let stamp = fs::read_to_string(folder.join(STAMP)).ok()?;
    let environment = Environment::at(folder)?;
    let python = python_version(&environment.python)?;
    (stamp == stamp_of(&python, &requirements().ok()?)).then_some(environment)
}

fn make(python: &Python, folder: &Path) -> Result<()> {
    let requirements = requirements()?;
    let mut venv = command(&python.program);
    venv.args(["-m", "venv"]).arg(folder);
    quietly(venv).context(
        "cannot make a virtual environment; where Python is split into packages, install python3-venv",
    )?;
    let mut pip = command(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]);
    pip.args(["--requirement", REQUIREMENTS]);
    quietly(pip).with_context(|| format!("cannot install {REQUIREMENTS}"))?;
    fs::write(folder.join(STAMP), stamp_of(&python.version, &requirements))?;
    Ok(())
}

fn requirements() -> Result<String> {
    fs::read_to_string(root().join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))
}

fn stamp_of(python: &str, requirements: &str) -> String {
    format!("{python}\n{requirements}")
}

/// Runs a command and shows what it says only when it fails.
fn quietly(mut command: Command) -> Result<()> {
    let shown = shown(&command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{shown}` did not start"))?;
    let said = String::from_utf8_lossy(if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    });
    ensure!(
        output.status.success(),
        "`{shown}` ended with {}:\n{}",
        output.status,
        said.trim_end()
    );
    Ok(())
}

/// Finds a Python that is new enough.
pub fn find_python() -> Result<Python> {
    let names = [
        "python3",
        "python3.14",
        "python3.13",
        "python3.12",
        "python3.11",
        "python",
    ];
    let mut seen = Vec::new();
    for name in names {
        let Some(version) = python_version(Path::new(name)) else {
            continue;
        };
        if two_numbers(&version).is_some_and(|found| found >= PYTHON) {
            return Ok(Python {
                program: name.into(),
                version,
            });
        }
        seen.push(version);
    }
    let seen = seen.first().map_or_else(
        || "none was found".to_owned(),
        |it| format!("there is {it}"),
    );
    let (major, minor) = PYTHON;
    bail!("Python {major}.{minor} or newer is needed, {seen}: install python3 and python3-venv")
}

fn python_version(program: &Path) -> Option<String> {
    said(command(program).arg("--version"))
}

/// Reads `3.11` out of `Python 3.11.7`.
fn two_numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("Python ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn check_java() -> Result<()> {
    let java = match std::env::var_os("JAVA_HOME") {
        Some(home) => Path::new(&home).join("bin/java"),
        None => PathBuf::from("java"),
    };
    let install = format!(
        "install one, such as openjdk-{JAVA}-jre-headless, or set JAVA_HOME to where it is"
    );
    let Some(version) = said(command(&java).arg("-version")) else {
        bail!(
            "Java {JAVA} or newer is needed for Spark, `{}` does not run: {install}",
            java.display()
        );
    };
    let found = java_major(&version);
    ensure!(
        found.is_some_and(|found| found >= JAVA),
        "Java {JAVA} or newer is needed for Spark, `{}` says {version}: {install}",
        java.display(),
    );
    Ok(())
}

/// Reads 17 out of `openjdk version "17.0.15" 2025-04-15`, and 8 out of `java version "1.8.0_402"`.
fn java_major(version: &str) -> Option<u32> {
    let quoted = version.split('"').nth(1)?;
    let mut numbers = quoted.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next()?.ok()?, numbers.next()) {
        (1, Some(Ok(minor))) => Some(minor),
        (major, _) => Some(major),
    }
}

/// The line in which a command tells its version; `None` when it does not run. Java may say other
/// things first, such as which options it picked up.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8(text).ok()?;
    let line = text
        .lines()
        .find(|line| line.contains(|c: char| c.is_ascii_digit()) && !line.starts_with("Picked up"));
    output
        .status
        .success()
        .then(|| line.unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_java_and_python_write_them() {
        let java = [
            (r#"openjdk version "17.0.15" 2025-04-15"#, Some(17)),
            (r#"openjdk version "21" 2023-09-19"#, Some(21)),
            (r#"openjdk version "25-ea" 2025-09-16"#, Some(25)),
            (r#"java version "1.8.0_402""#, Some(8)),
            ("Error: could not find libjava.so", None),
        ];
        for (text, expected) in java {
            assert_eq!(java_major(text), expected, "{text}");
        }
        let python = [
            ("Python 3.11.7", Some((3, 11))),
            ("Python 3.14.0rc1", Some((3, 14))),
            ("Python 2.7.18", Some((2, 7))),
            ("command not found", None),
        ];
        for (text, expected) in python {
            assert_eq!(two_numbers(text), expected, "{text}");
        }
    }

    #[test]
    fn an_environment_without_one_of_its_parts_is_none() {
        let parts = [
            "bin/python",
            "bin/spark-submit",
            "lib/python3.11/site-packages/pyspark/jars",
        ];
        for missing in 0..=parts.len() {
            let folder = tempfile::tempdir().unwrap();
            for (position, part) in parts.iter().enumerate() {
                if position != missing {
                    let path = folder.path().join(part);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, "").unwrap();
                }
            }
            let found = Environment::at(folder.path().to_owned());
            assert_eq!(
                found.is_some(),
                missing == parts.len(),
                "without {:?}",
                parts.get(missing)
            );
        }
    }
}
