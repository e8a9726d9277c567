//! `cargo xtask simulate`: builds the simulator for speed and runs it.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::project;

/// Simulates hostile days of a whole platform and checks every guarantee.
///
/// Every option is the simulator's own: --seeds N, --seed S, --minutes M, --threads T, --story,
/// --all, --whole, --format table|json. `cargo xtask simulate -- --help` lists them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask simulate --seeds 20000           many days on two cores, and a report
  cargo xtask simulate --seeds 1 --seed 4711   one day, and its story if something breaks
  cargo xtask simulate --story --seed 4711     the story of a day on which all is well")]
pub struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Runs it; the report goes to stdout.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut command = command();
    command.args(arguments.options.iter().filter(|option| *option != "--"));
    let status = command.status().context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The simulator, without options. Its profile builds fast and in a folder of its own.
pub fn command() -> Command {
    let mut command = project::cargo();
    command.args(["run", "--profile", "simulation", "--quiet"]);
    command.args(["--package", "simulation-tests", "--bin", "simulate", "--"]);
    command
}
