//! `murmur local`: murmur on this machine.

mod configuration;
mod embedded;
mod exporting;
mod facts;
mod finish;
mod only_asked;
mod posting;
mod run;
mod start;
mod up;

use clap::{Args, Subcommand, ValueEnum};

use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::At;

/// Runs murmur on this machine: all of it, or one run
#[derive(Debug, Args)]
pub struct Local {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Run(run::Run),
    Finish(finish::Finish),
}

/// How time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Clock {
    Real,
    Skip,
}

impl Local {
    /// Does it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        at.must_be_here("murmur local")?;
        embedded::log();
        match self.command {
            Command::Up(up) => up.run(screen),
            Command::Run(run) => run.run(screen),
            Command::Finish(finish) => finish.run(screen),
        }
    }
}
