//! Judges a whole set of definitions: one file for each subject.
//!
//! Every check reports and goes on. What could not be read was reported by `read`, so a check says
//! nothing about it, nor about what refers to it.

mod cluster;
mod configuration;
mod directory;
mod event;
mod graph;
mod load;
mod machines;
mod name;
mod schedule;
mod secret;
mod size;
mod task;
mod team;
mod template;
mod upstream;
mod window;
mod workflow;

use jiff::Timestamp;
use model::definition::Definitions;

use crate::diagnostic::{Diagnostic, Findings};
use crate::lower;
use crate::source::SourceFile;

pub(crate) use directory::Directory;
pub(crate) use load::Set;
pub(crate) use schedule::DEFAULT_ZONE;

/// What became of a set of files.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// There if and only if no diagnostic is an error.
    pub definitions: Option<Definitions>,
    /// By file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks files as one set; `now` tells schedules that fire no more from those that will.
pub fn check(files: &[SourceFile], now: Timestamp) -> Checked {
    let mut findings = Findings::new(load::sources(files));
    let set = load::load(files, &mut findings);
    let directory = Directory::of(&set);
    team::check(&set, &mut findings);
    let windows = cluster::check(&set, now, &mut findings);
    workflow::check(&set, &directory, &windows, now, &mut findings);
    let definitions = findings
        .allow()
        .then(|| lower::definitions(&set))
        .map(|lowered| {
            lowered.expect("whatever could not be lowered was reported, so the set is refused")
        });
    Checked {
        definitions,
        diagnostics: findings.into_diagnostics(),
    }
}
