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

/// Narrower terminals get lines, not columns.
const NARROW: u16 = 90;

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
            text.push_str(&match width {
                Some(narrow) if narrow < NARROW => self.listed(zone),
                Some(_) | None => self.chained(zone).render(width),
            });
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
        for (at, link) in self.times(zone).into_iter().zip(&self.chain) {
            let about = self.shortened(&link.about).to_owned();
            table.row([
                faint(at),
                (about, Paint::Strong),
                (link.said.clone(), link.paint),
            ]);
        }
        table.indented(2)
    }

    /// Where columns would leave no room to read.
    fn listed(&self, zone: &Zone) -> String {
        let mut text = String::new();
        for (at, link) in self.times(zone).into_iter().zip(&self.chain) {
            let about = Paint::Strong.text(self.shortened(&link.about));
            let (at, said) = (Paint::Faint.text(&at), link.paint.text(&link.said));
            let _ = writeln!(text, "  {at}  {about} {said}");
        }
        text
    }

    /// When each fact was, with the date where it is another than before.
    fn times(&self, zone: &Zone) -> Vec<String> {
        let mut before = None;
        let time = |link: &Link| {
            let at = link.at?;
            let shown = before.map_or_else(|| zone.full(at), |before| zone.beside(at, before));
            before = Some(at);
            Some(format!("{shown:>19}"))
        };
        self.chain
            .iter()
            .map(time)
            .map(Option::unwrap_or_default)
            .collect()
    }
}
