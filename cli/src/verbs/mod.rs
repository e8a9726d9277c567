//! The verbs, one file each: parse, apply, print.

mod backfill;
mod cancel;
mod check;
mod clusters;
mod completions;
mod dead_letters;
mod exit_codes;
mod forecast;
mod graph;
mod history;
mod incidents;
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
use crate::target::At;

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
    Forecast(forecast::Forecast),
    History(history::History),
    Clusters(clusters::Clusters),
    Incidents(incidents::Incidents),
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
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        match self {
            Self::Check(verb) => verb.run(screen),
            Self::Schema(verb) => verb.run(screen),
            Self::Schedule(verb) => verb.run(screen),
            Self::Graph(verb) => verb.run(screen),
            Self::Local(verb) => verb.run(at, screen),
            Self::Timeline(verb) => verb.run(at, screen),
            Self::Runs(verb) => verb.run(at, screen),
            Self::Show(verb) => verb.run(at, screen),
            Self::Why(verb) => verb.run(at, screen),
            Self::Logs(verb) => verb.run(at, screen),
            Self::Forecast(verb) => verb.run(at, screen),
            Self::History(verb) => verb.run(at, screen),
            Self::Clusters(verb) => verb.run(at, screen),
            Self::Incidents(verb) => verb.run(at, screen),
            Self::Trigger(verb) => verb.run(at, screen),
            Self::Rerun(verb) => verb.run(at, screen),
            Self::Backfill(verb) => verb.run(at, screen),
            Self::Cancel(verb) => verb.run(at, screen),
            Self::Pause(verb) => verb.run(at, screen),
            Self::Resume(verb) => verb.run(at, screen),
            Self::Mark(verb) => verb.run(at, screen),
            Self::DeadLetters(verb) => verb.run(at, screen),
            Self::Completions(verb) => verb.run(screen),
            Self::ExitCodes(verb) => verb.run(screen),
        }
    }
}
