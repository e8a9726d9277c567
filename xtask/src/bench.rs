//! `cargo xtask bench`: builds what is to be measured for speed and measures it.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cold_start;
use crate::package::{Arch, Format};
use crate::project;

/// Measures the durable local engine with tasks that do nothing, or how soon functions start.
///
/// Without --cold-start every option is the engine's benchmark's own: --shape NAME, --seconds N,
/// --synchronous normal|full, --format table|json. `cargo xtask bench -- --help` lists them.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --shape chain --seconds 3 --format json\n  cargo xtask bench --cold-start --format json"
)]
pub struct Arguments {
    /// Measure the packaged functions: from the start of the process to its first request for an
    /// event, beside a program that does nothing; and the most memory it ever had.
    #[arg(long)]
    cold_start: bool,
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
