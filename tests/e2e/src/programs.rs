//! What the suite runs, built as a person would build it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::Message;

use crate::process::run;
use crate::terraform::project;

/// The programs.
pub struct Programs {
    pub murmur: PathBuf,
    pub stand_in: PathBuf,
    /// The folder of the functions' zips.
    pub packages: PathBuf,
}

impl Programs {
    /// Builds them, unless `E2E_AS_BUILT` says that they are to be taken as they were built last.
    pub fn build() -> Result<Self> {
        let packages = project().join("target/package/host");
        if std::env::var_os("E2E_AS_BUILT").is_some() {
            let built = project().join("target/debug");
            return Ok(Self {
                murmur: built.join("murmur"),
                stand_in: built.join("stand-in"),
                packages,
            });
        }
        let mut package = cargo();
        package.args(["xtask", "package", "--arch", "host", "--profile", "dev"]);
        let status = package.status().context("cargo does not start")?;
        ensure!(status.success(), "the functions cannot be packaged");
        let [murmur, stand_in] = programs(["murmur", "stand-in"])?;
        Ok(Self {
            murmur,
            stand_in,
            packages,
        })
    }
}

/// The demo's Spark; `cargo xtask test e2e` sees to it that it is there.
pub fn spark() -> PathBuf {
    project().join("target/demo/venv/bin/spark-submit")
}

/// Why Spark cannot run here; `None` when it can.
pub fn missing() -> Option<String> {
    let java = match std::env::var_os("JAVA_HOME") {
        Some(home) => Path::new(&home).join("bin/java"),
        None => "java".into(),
    };
    let version = run(Command::new(java).arg("-version"));
    if !version.is_ok_and(|output| output.status.success()) {
        return Some(
            "Java 17 or newer is needed for Spark: install a JRE, or set JAVA_HOME".into(),
        );
    }
    let there = spark().exists();
    (!there).then(|| "Spark is not there: `cargo xtask test e2e` makes it".into())
}

/// Builds programs as the tests are built: selected alike, so nothing from outside is built anew.
fn programs(names: [&str; 2]) -> Result<[PathBuf; 2]> {
    let mut build = cargo();
    build.args(["build", "--workspace", "--examples"]);
    build.args(names.map(|name| format!("--bin={name}")));
    build.arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output();
    let output = output.context("cargo does not start")?;
    ensure!(output.status.success(), "{names:?} cannot be built");
    let messages = Message::parse_stream(&output.stdout[..]).filter_map(Result::ok);
    let mut found = BTreeMap::new();
    for message in messages {
        if let Message::CompilerArtifact(artifact) = message
            && let Some(program) = artifact.executable
        {
            found.insert(artifact.target.name, PathBuf::from(program));
        }
    }
    let [one, other] = names.map(|name| found.remove(name));
    Ok([
        one.context("cargo built no program")?,
        other.context("cargo built no program")?,
    ])
}

fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(project());
    command
}
