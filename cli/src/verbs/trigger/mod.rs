//! `murmur trigger`: starts a workflow by hand, or whatever an event starts.

mod event;

use std::path::PathBuf;

use clap::Args;
use model::id::Slot;
use model::operation::OperationKind;

use crate::arguments::ShownZone;
use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::params;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::{definitions, find};

const EXAMPLES: &str = "\
Examples:
  murmur trigger weather/daily_report
  murmur trigger weather/daily_report --date 2026-03-01 --param years=2 --key ticket-17
  murmur trigger --event object-created.json            # starts every workflow that matches
  murmur trigger --event object-created.json --dry-run  # only says which would match
  aws events … | murmur trigger --event -

A key makes asking again harmless: a workflow has one run for each key.
In JSON: operation, state, result; for an event a list of matches (workflow, trigger, slot, run).";

/// Starts a workflow by hand, or whatever an event starts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Trigger {
    /// A workflow, as team/name
    #[arg(required_unless_present = "event")]
    workflow: Option<String>,
    /// An event in EventBridge's JSON envelope; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workflow", "date", "param", "key"])]
    event: Option<PathBuf>,
    /// Only says which workflows the event matches
    #[arg(long, requires = "event")]
    dry_run: bool,
    /// The logical date: a date or an instant [default: now]
    #[arg(long, value_name = "WHEN")]
    date: Option<String>,
    /// A param of the workflow; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// What the run is for; asking twice with the same starts one run
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

impl Trigger {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(async {
            match (&self.event, &self.workflow) {
                (Some(file), _) => event::trigger(&target, file, self.dry_run, screen).await,
                (None, Some(workflow)) => self.start(&target, workflow, screen).await,
                (None, None) => Err(Failure::usage("name a workflow, or give an event")),
            }
        })
    }

    async fn start(
        &self,
        target: &impl Target,
        workflow: &str,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let store = target.store();
        let workflow = find::workflow(store, workflow).await?;
        let Some((_, definition)) = definitions::current_workflow(store, &workflow).await? else {
            return Err(Failure::trouble(format!(
                "the definition of {workflow} is not stored"
            )));
        };
        let zone = self.shown.or(Some(&definition.timezone))?;
        let logical_date = self
            .date
            .as_deref()
            .map(|date| zone.parse(date))
            .transpose()?;
        let params = params::read(&definition, &self.param)?;
        let slot = self.key.as_deref().map(Slot::from);
        let what = OperationKind::Start {
            workflow: workflow.clone(),
            slot,
            logical_date,
            params,
        };
        self.asking.ask(target, &workflow, what, screen).await
    }
}
