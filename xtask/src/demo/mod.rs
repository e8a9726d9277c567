//! `cargo xtask demo`: a whole day of an analytics platform, on this machine.
//!
//! The day itself is run and drawn by `murmur`, as anybody would; this sets up what it needs and
//! judges what came of it.

mod day;
pub mod environment;
mod folder;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::Message;
use serde_json::Value;

use self::environment::Environment;
use crate::project::{cargo, command, root, shown};

/// Shows a whole simulated day at work: clusters, runs, and what they make.
///
/// The first time it installs a pinned pyspark under target/demo. It keeps everything else in
/// .murmur/demo, which it empties before it begins. It ends with 1 unless all is as it should be.
#[derive(clap::Args)]
pub struct Arguments {}

const CONFIGURATION: &str = "demo/local.yaml";

/// Runs the day, draws it, and says whether it was as it should be.
pub fn run(_arguments: &Arguments) -> Result<ExitCode> {
    let environment = environment::prepare()?;
    let murmur = Murmur {
        program: build()?,
        environment,
    };
    folder::prepare()?;
    eprintln!(
        "\nOne day in {}: five clusters, five workflows of two teams.\n\
         Time passes while work is at work, and skips ahead while none is.\n",
        day::ZONE
    );
    let started = Instant::now();
    murmur.run_the_day()?;
    let took = started.elapsed();
    eprintln!();
    murmur.draw_the_day()?;
    let findings = day::judge(&murmur.timeline()?, &murmur.dead_letters()?);
    say(&findings, took);
    murmur.say_where_to_look();
    ensure!(
        findings.iter().all(day::Finding::is_fine),
        "not everything was as it should be"
    );
    Ok(ExitCode::SUCCESS)
}

/// Builds `murmur`, and says where it is.
fn build() -> Result<PathBuf> {
    let mut build = cargo();
    // Nothing of it is on AWS, and the AWS SDK takes long to build.
    build.args(["build", "--package", "murmur", "--no-default-features"]);
    build.arg("--message-format=json-render-diagnostics");
    let output = build
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    ensure!(output.status.success(), "murmur cannot be built");
    let messages = Message::parse_stream(&output.stdout[..]).filter_map(Result::ok);
    let programs = messages.filter_map(|message| match message {
        Message::CompilerArtifact(artifact) => artifact.executable,
        _ => None,
    });
    let program = programs.last();
    Ok(program.context("cargo built no program")?.into())
}

/// The program on the demo's folder.
struct Murmur {
    program: PathBuf,
    environment: Environment,
}

impl Murmur {
    fn command(&self, verb: &[&str]) -> Command {
        let mut command = command(&self.program);
        command.args(verb).args(["--data", folder::DATA]);
        command
    }

    fn run_the_day(&self) -> Result<()> {
        let mut up = self.command(&["local", "up", "--clock", "skip"]);
        up.args(["--from", day::BEGINS, "--until", day::ENDS]);
        up.args(["--events", "events", "--config", CONFIGURATION]);
        up.args(["--timezone", day::ZONE]);
        up.envs(self.environment.variables());
        let status = up.status()?;
        ensure!(status.success(), "`{}` ended with {status}", shown(&up));
        Ok(())
    }

    fn draw_the_day(&self) -> Result<()> {
        let night = self.command(&["timeline", "weather/daily_report"]);
        for mut drawing in [self.of_the_day(), night] {
            let status = drawing.status()?;
            ensure!(status.success(), "the day cannot be drawn: {status}");
            println!();
        }
        Ok(())
    }

    fn of_the_day(&self) -> Command {
        let mut timeline = self.command(&["timeline", "--timezone", day::ZONE]);
        timeline.args(["--from", day::DAY, "--to", day::NEXT_DAY]);
        timeline
    }

    fn timeline(&self) -> Result<Value> {
        let mut timeline = self.of_the_day();
        timeline.args(["--format", "json"]);
        answer(timeline)
    }

    fn dead_letters(&self) -> Result<Value> {
        answer(self.command(&["dead-letters", "--format", "json"]))
    }

    fn say_where_to_look(&self) {
        let program = from_here(&self.program);
        let data = from_here(&root().join(folder::DATA));
        println!("\nwhat it made");
        for report in folder::REPORTS {
            println!("  {}", from_here(&folder::output(report)).display());
        }
        println!("\nlook further");
        for (verb, what) in day::COMMANDS {
            let typed = format!("{} {verb} --data {}", program.display(), data.display());
            println!("  {typed}\n      {what}");
        }
    }
}

/// What a command says in JSON. Exit code 1 is an answer, too: that something is not as it should be.
fn answer(mut command: Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("`{}` ended with {}", shown(&command), output.status);
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{}` did not answer in JSON", shown(&command)))
}

fn say(findings: &[day::Finding], took: Duration) {
    println!(
        "what should be true of the day, which took {} s",
        took.as_secs()
    );
    for finding in findings {
        match &finding.wrong {
            None => println!("  ✓ {}", finding.what),
            Some(wrong) => println!("  ✗ {}: {wrong}", finding.what),
        }
    }
}

/// The path as somebody in the present folder would write it.
fn from_here(path: &Path) -> PathBuf {
    let Ok(here) = std::env::current_dir() else {
        return path.to_owned();
    };
    let shared = here
        .components()
        .zip(path.components())
        .take_while(|(one, other)| one == other)
        .count();
    // Only the root is shared: no shorter way to say it.
    if shared <= 1 {
        return path.to_owned();
    }
    let up = here.components().skip(shared).map(|_| "..".as_ref());
    up.chain(path.components().skip(shared).map(|it| it.as_os_str()))
        .collect()
}
