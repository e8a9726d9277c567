//! `murmur graph`: the tasks of a workflow, or the workflows and what starts them, as a picture.

mod dot;
mod drawing;
mod mermaid;
mod svg;
mod tasks;
mod workflows;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::definition::Definitions;

use self::drawing::Drawing;
use crate::arguments::EventsFolder;
use crate::exit::{Exit, Failure};
use crate::nearest::nearest;
use crate::output::{Screen, note};

const EXAMPLES: &str = "\
Examples:
  murmur graph weather/daily_report                     # Mermaid, for Markdown
  murmur graph weather/daily_report --as svg -o report.svg
  murmur graph weather/daily_report --as dot | dot -Tpng > report.png
  murmur graph weather/daily_report --expand            # every task of for_each
  murmur graph                                          # all workflows and what starts them

With --format json: title, nodes (id, name, label lines, kind) and edges (from, to).";

/// Draws the tasks of a workflow, or all workflows and what starts them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Graph {
    /// A workflow, as team/name; without it, all workflows
    workflow: Option<String>,
    /// How it is drawn: for Markdown, for Graphviz, or as a picture
    #[arg(long = "as", value_enum, default_value_t, value_name = "KIND")]
    kind: Kind,
    /// Draws each task that for_each stands for
    #[arg(long, requires = "workflow")]
    expand: bool,
    /// Writes into this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    folder: EventsFolder,
}

/// How a graph is drawn: Mermaid, which Markdown viewers draw; Graphviz' DOT; or a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    #[default]
    Mermaid,
    Dot,
    Svg,
}

impl Graph {
    /// Prints or writes the picture.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let definitions = self.folder.load()?;
        let drawing = match &self.workflow {
            None => workflows::drawing(&definitions),
            Some(name) => tasks_of(&definitions, name, self.expand)?,
        };
        if screen.is_json() && self.output.is_none() {
            screen.json(&drawing)?;
            return Ok(Exit::Fine);
        }
        let text = match self.kind {
            Kind::Mermaid => mermaid::text(&drawing),
            Kind::Dot => dot::text(&drawing),
            Kind::Svg => svg::text(&drawing)?,
        };
        match &self.output {
            None => screen.text(&text)?,
            Some(path) => {
                std::fs::write(path, text).map_err(|error| {
                    Failure::trouble(format!("cannot write {}", path.display()))
                        .because(anyhow::Error::new(error))
                })?;
                note(&format!("wrote {}", path.display()));
            }
        }
        Ok(Exit::Fine)
    }
}

fn tasks_of(definitions: &Definitions, name: &str, expand: bool) -> Result<Drawing, Failure> {
    let found = definitions
        .workflows
        .iter()
        .find(|(reference, _)| reference.to_string() == name);
    let Some((_, workflow)) = found else {
        let known: Vec<String> = definitions
            .workflows
            .keys()
            .map(ToString::to_string)
            .collect();
        let failure = Failure::not_found(format!("there is no workflow `{name}`"));
        return Err(match nearest(name, known.iter().map(String::as_str)) {
            Some(meant) => failure.help(format!("did you mean `{meant}`?")),
            None => failure.help(format!("there are: {}", known.join(", "))),
        });
    };
    if expand {
        tasks::expanded(workflow)
    } else {
        Ok(tasks::written(workflow))
    }
}
