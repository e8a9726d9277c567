//! `murmur`: what people do at a terminal. One file per verb under `verbs`; this one only reads the
//! command line, dispatches, and ends with the exit code.
//!
//! Nothing here decides anything about runs: verbs read state, and ask for operations as facts.

mod arguments;
mod ask;
mod exit;
mod nearest;
mod output;
mod params;
mod present;
mod story;
mod target;
mod verbs;
mod view;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::output::Screen;

fn main() -> ExitCode {
    if let Some(exit) = verbs::supervise::asked() {
        return exit;
    }
    let arguments = Arguments::parse();
    arguments.color.apply();
    let screen = Screen {
        format: arguments.format,
    };
    match arguments.verb.run(&arguments.at, screen) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.is_quiet() {
                output::complain(&failure);
            }
            failure.exit.into()
        }
    }
}
