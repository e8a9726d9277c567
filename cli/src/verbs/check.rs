//! `murmur check`: everything that is wrong with the definitions, in one go.

use clap::Args;
use definitions::{Severity, check, render, to_json};

use crate::arguments::EventsFolder;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::{Screen, note};

const EXAMPLES: &str = "\
Examples:
  murmur check
  murmur check --events ../other/events
  murmur check --format json | jq '.[] | select(.severity == \"error\")'

In JSON each diagnostic has: severity, code, message, file, line, column, span (bytes), help.
It exits with 1 when there are errors, with --strict also when there are warnings.";

/// Checks all definitions and says what is wrong, where, and what would be right
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    #[command(flatten)]
    folder: EventsFolder,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
}

impl Check {
    /// Prints the diagnostics.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let files = self.folder.files()?;
        let checked = check(&files, crate::present::now());
        let count = |severity: Severity| {
            checked
                .diagnostics
                .iter()
                .filter(|found| found.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if screen.is_json() {
            screen.json(&to_json(&checked.diagnostics))?;
        } else {
            // The stream takes the colours out where they are not wanted.
            screen.text(&render(&checked.diagnostics, &files, true))?;
        }
        let folder = self.folder.events.display();
        let found = format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        );
        match &checked.definitions {
            Some(definitions) => note(&format!(
                "{} {folder}: {}, {}, {}; {found}",
                Paint::Good.text("ok"),
                counted(definitions.teams.len(), "team"),
                counted(definitions.workflows.len(), "workflow"),
                counted(definitions.clusters.len(), "cluster"),
            )),
            None => note(&format!("{} {folder}: {found}", Paint::Bad.text("refused"))),
        }
        let refused = checked.definitions.is_none() || self.strict && warnings > 0;
        Ok(if refused {
            Exit::NotAsItShouldBe
        } else {
            Exit::Fine
        })
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
