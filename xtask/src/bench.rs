//! `cargo xtask bench`: builds what is to be measured for speed and measures it.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cold_start;
use crate::package::{Arch, Format};
use crate::project;

/// Measures the durable local engine with tasks that do nothing, how soon functions start, what they
/// cost, or how fast history answers.
///
/// Without --cold-start, --bill and --history every option is the engine's benchmark's own: --shape NAME, --seconds N,
/// --synchronous normal|full, --format table|json; or --alerts, for how soon people hear of a failure. `cargo xtask bench -- --help` lists them.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --shape chain --seconds 3 --format json\n  cargo xtask bench --alerts\n  cargo xtask bench --cold-start --format json\n  cargo xtask bench --bill\n  cargo xtask bench --history"
)]
pub struct Arguments {
    /// Measure the packaged functions: from the start of the process to its first request for an
    /// event, beside a program that does nothing; and the most memory it ever had.
    #[arg(long)]
    cold_start: bool,
    /// Count what a million task-runs and an idle month cost on AWS, at list prices: the functions
    /// run against an emulator, and the units are those of their requests.
    #[arg(long, conflicts_with = "cold_start")]
    bill: bool,
    /// Make a year of 10 million task-runs and ask it for trends.
    #[arg(long, conflicts_with_all = ["cold_start", "bill", "format"])]
    history: bool,
    /// With --cold-start: whose packages; `host` is what plain cargo builds here.
    #[arg(long, value_enum, default_value_t = Arch::Host, requires = "cold_start")]
    arch: Arch,
    /// With --cold-start: how often each is started.
    #[arg(long, default_value_t = 21, requires = "cold_start")]
    runs: usize,
    /// How to print what was measured.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Runs it; the rows go to stdout.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.cold_start {
        return cold_start::run(&cold_start::Plan {
            arch: arguments.arch,
            runs: arguments.runs,
            format: arguments.format.unwrap_or(Format::Table),
        });
    }
    if arguments.bill {
        return bill(arguments.format.unwrap_or(Format::Table));
    }
    if arguments.history {
        return history();
    }
    let options = arguments.options.iter().filter(|option| *option != "--");
    let format = arguments.format.iter();
    let format = format.flat_map(|format| ["--format", format.name()]);
    let status = project::cargo()
        .args(["run", "--release", "--quiet", "--package", "bench", "--"])
        .args(options)
        .args(format)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Asks a large dataset.
fn history() -> anyhow::Result<ExitCode> {
    let status = project::cargo()
        .args(["run", "--release", "--quiet", "--package", "analysis"])
        .args(["--example", "history_bench"])
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Counts the bill; the emulator is slower than any build, so the build is the tests' own.
fn bill(format: Format) -> anyhow::Result<ExitCode> {
    let status = project::cargo()
        .args([
            "test",
            "--quiet",
            "--package",
            "aws-tests",
            "--test",
            "bill",
        ])
        .args(["--", "--bill", "--format", format.name()])
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
