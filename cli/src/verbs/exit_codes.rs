//! `murmur exit-codes`: what the exit codes mean.

use clap::Args;

use crate::exit::{EXPLAINED, Exit, Failure};
use crate::output::Screen;

/// Says what the exit codes mean
#[derive(Debug, Args)]
#[command(long_about = EXPLAINED)]
pub struct ExitCodes {}

impl ExitCodes {
    /// Prints them.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        screen.text(&format!("{EXPLAINED}\n"))?;
        Ok(Exit::Fine)
    }
}
