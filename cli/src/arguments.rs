//! The command line as a whole, and the arguments several verbs share.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser};
use definitions::{Diagnostic, Severity, check, read_folder, render};
use model::definition::Definitions;
use model::name::WorkflowRef;
use ports::StateStore;

use crate::exit::{EXPLAINED, Failure};
use crate::output::time::Zone;
use crate::output::{Color, Format, note};
use crate::target::At;
use crate::verbs::Verb;
use crate::view::definitions::current_workflow;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Starts and watches data workflows: on time, on completion, on clusters that come and go
///
/// Definitions are YAML files under `events/`; `murmur check` checks them, `murmur local up` runs them
/// on this machine, and the other verbs ask what happened and why, or ask for something to be done.
#[derive(Debug, Parser)]
#[command(name = "murmur", version, styles = STYLES, max_term_width = 100)]
#[command(after_long_help = EXPLAINED, subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    /// Tables for people, or JSON for machines
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Output"
    )]
    pub format: Format,
    /// When colours are used; `auto` goes by the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    #[arg(help_heading = "Output")]
    pub color: Color,
    #[command(flatten)]
    pub at: At,
    #[command(subcommand)]
    pub verb: Verb,
}

/// The folder of definitions.
#[derive(Debug, Clone, Args)]
pub struct EventsFolder {
    /// The folder of definitions
    #[arg(
        long,
        env = "MURMUR_EVENTS",
        hide_env_values = true,
        default_value = "events",
        value_name = "DIR"
    )]
    pub events: PathBuf,
}

impl EventsFolder {
    /// Reads the definitions, which must be free of errors; the first ones are told on stderr.
    pub fn load(&self) -> Result<Definitions, Failure> {
        const MOST_TOLD: usize = 5;
        let files = self.files()?;
        let checked = check(&files, crate::present::now());
        let is_error = |found: &Diagnostic| found.severity == Severity::Error;
        let errors: Vec<Diagnostic> = checked.diagnostics.into_iter().filter(is_error).collect();
        checked.definitions.ok_or_else(|| {
            let told = &errors[..errors.len().min(MOST_TOLD)];
            note(&format!("{}\n", render(told, &files, true).trim_end()));
            let (folder, s) = (
                self.events.display(),
                if errors.len() == 1 { "" } else { "s" },
            );
            let what = format!("the definitions in {folder} have {} error{s}", errors.len());
            let failure = Failure::not_as_it_should_be(what);
            if told.len() == errors.len() {
                return failure;
            }
            failure.help(format!(
                "`murmur check --events {folder}` tells all of them"
            ))
        })
    }

    /// Reads the files.
    pub fn files(&self) -> Result<Vec<definitions::SourceFile>, Failure> {
        if !self.events.is_dir() {
            let folder = self.events.display();
            return Err(
                Failure::not_found(format!("there is no folder {folder}")).help(
                    "go to the project's root, or name the folder of definitions with --events",
                ),
            );
        }
        read_folder(&self.events)
            .map_err(|error| Failure::trouble("cannot read the definitions").because(error))
    }
}

/// In which zone instants are shown.
#[derive(Debug, Clone, Default, Args)]
pub struct ShownZone {
    /// The zone times are shown in, such as Europe/Berlin [default: the workflow's own, else UTC]
    #[arg(
        long,
        env = "MURMUR_TIMEZONE",
        hide_env_values = true,
        value_name = "ZONE"
    )]
    timezone: Option<String>,
}

impl ShownZone {
    /// The zone asked for, else `own`, else UTC.
    pub fn or(&self, own: Option<&str>) -> Result<Zone, Failure> {
        match &self.timezone {
            Some(name) => Zone::named(name).ok_or_else(|| {
                Failure::usage(format!("`{name}` is not a time zone"))
                    .help("write an IANA name, such as America/New_York or UTC")
            }),
            None => Ok(own.and_then(Zone::named).unwrap_or_default()),
        }
    }

    /// The zone asked for, else the one all these workflows share, else UTC.
    pub async fn of_workflows(
        &self,
        store: &impl StateStore,
        workflows: &[WorkflowRef],
    ) -> Result<Zone, Failure> {
        let mut own: Option<String> = None;
        for workflow in workflows {
            let Some((_, definition)) = current_workflow(store, workflow).await? else {
                continue;
            };
            if own.get_or_insert_with(|| definition.timezone.clone()) != &definition.timezone {
                return self.or(None);
            }
        }
        self.or(own.as_deref())
    }
}
