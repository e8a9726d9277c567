//! `murmur mark`: sets a task's outcome by hand.

use clap::{Args, ValueEnum};
use model::operation::OperationKind;
use model::task::Outcome;

use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::run::RunView;

const EXAMPLES: &str = "\
Examples:
  murmur mark weather/daily_report extremes succeeded --why 'checked by hand'
  murmur mark weather--daily_report--20260301t051500z report skipped

What waits for the task goes on as if it had ended so.";

/// Sets a task's outcome by hand
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Mark {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// A task of the run
    task: String,
    /// How it counts from now on
    #[arg(value_enum)]
    outcome: Marked,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

/// An outcome people may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Marked {
    Succeeded,
    Failed,
    Skipped,
}

impl From<Marked> for Outcome {
    fn from(marked: Marked) -> Self {
        match marked {
            Marked::Succeeded => Self::Succeeded,
            Marked::Failed => Self::Failed,
            Marked::Skipped => Self::Skipped,
        }
    }
}

impl Mark {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.ask(&target, screen))
    }

    async fn ask(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let run = find::run(target.store(), &self.run).await?;
        let (id, workflow) = (run.run.clone(), run.workflow_ref());
        let task = RunView::load(target.store(), run).await?.find(&self.task)?;
        let what = OperationKind::Mark {
            run: id,
            task,
            outcome: self.outcome.into(),
        };
        self.asking.ask(target, &workflow, what, screen).await
    }
}
