//! An explanation: what led here, and what is still missing.

use std::fmt::Write as _;

use model::Timestamp;
use serde::Serialize;

use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint};
use crate::output::time::Zone;

/// Why something is where it is.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The run, or run and task.
    pub about: String,
    pub state: String,
    /// The answer in a sentence.
    pub summary: String,
    /// What led here, oldest first.
    pub chain: Vec<Link>,
    /// What has to happen before it goes on.
    pub missing: Vec<Missing>,
    /// Commands that tell or do more.
    pub see: Vec<String>,
    #[serde(skip)]
    pub paint: Paint,
}

/// A fact that led here.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The run, task, instance or operation it is about.
    pub about: String,
    pub said: String,
    #[serde(skip)]
    pub paint: Paint,
}

/// Something that has not happened yet.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    pub what: String,
    /// Who or what stands in the way.
    pub because: Vec<String>,
}

impl Link {
    /// A fact.
    pub fn new(at: Option<Timestamp>, about: impl ToString, said: impl Into<String>) -> Self {
        Self {
            at,
            about: about.to_string(),
            said: said.into(),
            paint: Paint::Plain,
        }
    }

    /// The same in a colour.
    pub fn painted(self, paint: Paint) -> Self {
        Self { paint, ..self }
    }
}

impl Missing {
    /// Something missing.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            because: Vec::new(),
        }
    }

    /// Adds what stands in the way.
    pub fn because(mut self, because: impl Into<String>) -> Self {
        self.because.push(because.into());
        self
    }
}

impl Explanation {
    /// For people.
    pub fn text(&self, zone: &Zone, width: Option<u16>) -> String {
        let mut text = String::new();
        let about = Paint::Strong.text(&self.about);
        let _ = writeln!(text, "{about} {}", self.paint.text(&self.summary));
        if !self.chain.is_empty() {
            let _ = writeln!(text, "\nwhat led here");
            text.push_str(&self.chained(zone).render(width));
        }
        if !self.missing.is_empty() {
            let _ = writeln!(text, "\nwhat is missing");
            for missing in &self.missing {
                let _ = writeln!(text, "  {} {}", Paint::Waiting.text("•"), missing.what);
                for because in &missing.because {
                    let _ = writeln!(text, "      {because}");
                }
            }
        }
        if !self.see.is_empty() {
            let _ = writeln!(text, "\nlook further");
            for see in &self.see {
                let _ = writeln!(text, "  {}", Paint::Faint.text(see));
            }
        }
        text
    }

    /// The run that all this is about needs not be named at each line.
    fn shortened<'a>(&self, about: &'a str) -> &'a str {
        let run = self.about.split(' ').next().unwrap_or_default();
        if about == run { "the run" } else { about }
    }

    fn chained(&self, zone: &Zone) -> Table {
        let mut table = Table::new([
            (zone.name(), Fit::Whole),
            ("about", Fit::Whole),
            ("fact", Fit::Wrap),
        ]);
        for link in &self.chain {
            table.row([
                faint(link.at.map(|at| zone.full(at)).unwrap_or_default()),
                (self.shortened(&link.about).to_owned(), Paint::Strong),
                (link.said.clone(), link.paint),
            ]);
        }
        table.indented(2)
    }
}
