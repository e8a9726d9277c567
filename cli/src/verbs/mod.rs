//! The verbs, one file each: parse, apply, print.

mod backfill;
mod cancel;
mod check;
mod clusters;
mod completions;
mod dead_letters;
mod exit_codes;
mod graph;
mod local;
mod logs;
mod mark;
mod pause;
mod rerun;
mod runs;
mod schedule;
mod schema;
mod show;
pub mod supervise;
mod timeline;
mod trigger;
mod why;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::Screen;

/// What `murmur` can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Check(check::Check),
    Schema(schema::Schema),
    Schedule(schedule::Schedule),
    Graph(graph::Graph),
    Local(local::Local),
    Timeline(timeline::Timeline),
    Runs(runs::Runs),
    Show(show::Show),
    Why(why::Why),
    Logs(logs::Logs),
    Clusters(clusters::Clusters),
    Trigger(trigger::Trigger),
    Rerun(rerun::Rerun),
    Backfill(backfill::Backfill),
    Cancel(cancel::Cancel),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Mark(mark::Mark),
    DeadLetters(dead_letters::DeadLetters),
    Completions(completions::Completions),
    ExitCodes(exit_codes::ExitCodes),
}

impl Verb {
    /// Does it.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        match self {
            Self::Check(verb) => verb.run(screen),
            Self::Schema(verb) => verb.run(screen),
            Self::Schedule(verb) => verb.run(screen),
            Self::Graph(verb) => verb.run(screen),
            Self::Local(verb) => verb.run(screen),
            Self::Timeline(verb) => verb.run(screen),
            Self::Runs(verb) => verb.run(screen),
            Self::Show(verb) => verb.run(screen),
            Self::Why(verb) => verb.run(screen),
            Self::Logs(verb) => verb.run(screen),
            Self::Clusters(verb) => verb.run(screen),
            Self::Trigger(verb) => verb.run(screen),
            Self::Rerun(verb) => verb.run(screen),
            Self::Backfill(verb) => verb.run(screen),
            Self::Cancel(verb) => verb.run(screen),
            Self::Pause(verb) => verb.run(screen),
            Self::Resume(verb) => verb.run(screen),
            Self::Mark(verb) => verb.run(screen),
            Self::DeadLetters(verb) => verb.run(screen),
            Self::Completions(verb) => verb.run(screen),
            Self::ExitCodes(verb) => verb.run(screen),
        }
    }
}
