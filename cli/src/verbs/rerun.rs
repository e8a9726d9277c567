//! `murmur rerun`: tasks of a run run again, in a new generation.

use clap::Args;
use model::operation::{OperationKind, RerunDefinition, RerunScope};

use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::run::RunView;

const EXAMPLES: &str = "\
Examples:
  murmur rerun weather/daily_report                      # what failed, and everything below
  murmur rerun weather/daily_report --task aggregate     # one task and everything below
  murmur rerun weather/daily_report --task report --only
  murmur rerun weather/daily_report@2026-03-01 --all --latest --downstream --why 'fixed the units'";

/// Runs failed tasks, one task, or all of a run again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rerun {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// This task and everything below it [default: failed tasks and everything below]
    #[arg(long, value_name = "TASK", conflicts_with = "all")]
    task: Option<String>,
    /// Without what is below the task
    #[arg(long, requires = "task")]
    only: bool,
    /// Every task
    #[arg(long)]
    all: bool,
    /// With the newest definition instead of the one the run is pinned to
    #[arg(long)]
    latest: bool,
    /// Runs that this run's success started rerun, too
    #[arg(long)]
    downstream: bool,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

impl Rerun {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.ask(&target, screen))
    }

    async fn ask(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let run = find::run(target.store(), &self.run).await?;
        let (id, workflow) = (run.run.clone(), run.workflow_ref());
        let scope = match &self.task {
            None if self.all => RerunScope::All,
            None => RerunScope::FromFailure,
            // A newer definition may have tasks that the run has not.
            Some(task) if self.latest => {
                let task = task
                    .parse()
                    .map_err(|error: model::name::NameError| Failure::usage(error.to_string()))?;
                RerunScope::Task {
                    task,
                    below: !self.only,
                }
            }
            Some(task) => {
                let view = RunView::load(target.store(), run).await?;
                RerunScope::Task {
                    task: view.find(task)?,
                    below: !self.only,
                }
            }
        };
        let definition = if self.latest {
            RerunDefinition::Latest
        } else {
            RerunDefinition::Pinned
        };
        let what = OperationKind::Rerun {
            run: id,
            scope,
            definition,
            downstream: self.downstream,
            after: None,
            limits: Vec::new(),
        };
        self.asking.ask(target, &workflow, what, screen).await
    }
}
