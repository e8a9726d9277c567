//! `cargo xtask test`: runs suites, all of them even when one fails, and says how each went.

mod suite;
mod terraform;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::project;

use self::suite::{Plan, Suite};

/// Runs all tests, or those of some suites.
///
/// The cargo suites share one build. All suites run, also after one failed; the command fails when
/// any did.
#[derive(clap::Args)]
#[command(after_help = "\
Suites:
  lint       cargo fmt and cargo clippy, as far as they are installed
  jobs       the demo's jobs
  terraform  the configuration of a deployment, offline
  unit       the tests inside every crate
  e2e        all of it on an emulator of AWS, deployed by Terraform
  <folder>   each other crate under tests/, such as house, scenarios, engine

Examples:
  cargo xtask test                              everything
  cargo xtask test unit house                   two suites
  cargo xtask test scenarios -- wide_join       only tests whose name contains `wide_join`")]
pub struct Arguments {
    /// Suites to run; all when none is named.
    suites: Vec<String>,
    /// Handed on to the test programs.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// How a suite went.
enum Outcome {
    Passed,
    Failed(String),
    /// Why it could not run.
    Skipped(String),
}

/// Runs the suites and prints a table.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let suites = suite::choose(suite::all()?, &arguments.suites)?;
    let mut results = Vec::new();
    for suite in &suites {
        let started = Instant::now();
        let outcome = run_suite(suite, &arguments.rest);
        results.push((suite.name.as_str(), outcome, started.elapsed()));
    }
    let failed = results
        .iter()
        .any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)));
    print_table(&results);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn run_suite(suite: &Suite, rest: &[String]) -> Outcome {
    let (mut commands, missing) = match suite.plan() {
        Plan::Run { commands, missing } => (commands, missing),
        Plan::Skip(why) => {
            eprintln!("\n==> {}: skipped: {why}", suite.name);
            return Outcome::Skipped(why);
        }
    };
    if suite.is_test_programs() && !rest.is_empty() {
        // The first command runs them; no other knows what to do with it.
        commands.truncate(1);
        for command in &mut commands {
            command.arg("--").args(rest);
        }
    }
    let failures: Vec<String> = commands
        .into_iter()
        .filter_map(|it| run_command(suite, it))
        .collect();
    match (failures.is_empty(), missing) {
        (false, _) => Outcome::Failed(failures.join("; ")),
        (true, Some(missing)) => Outcome::Skipped(format!("in part: {missing}")),
        (true, None) => Outcome::Passed,
    }
}

/// Runs a command and says why it failed; `None` when it did not.
fn run_command(suite: &Suite, mut command: Command) -> Option<String> {
    let shown = project::shown(&command);
    eprintln!("\n==> {}: {shown}", suite.name);
    match command.status() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("`{shown}` ended with {status}")),
        Err(error) => Some(format!("`{shown}` did not start: {error}")),
    }
}

fn print_table(results: &[(&str, Outcome, Duration)]) {
    let width = results
        .iter()
        .map(|(name, ..)| name.len())
        .max()
        .unwrap_or(0);
    println!();
    for (name, outcome, time) in results {
        let (word, why) = match outcome {
            Outcome::Passed => ("passed ", ""),
            Outcome::Failed(why) => ("FAILED ", why.as_str()),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        let line = format!("{name:width$}  {word} {:>7.1} s  {why}", time.as_secs_f64());
        println!("{}", line.trim_end());
    }
}
