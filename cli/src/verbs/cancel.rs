//! `murmur cancel`: ends a run, or one task of it.

use clap::Args;
use model::operation::OperationKind;

use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::run::RunView;

const EXAMPLES: &str = "\
Examples:
  murmur cancel weather/daily_report --why 'the input is broken'
  murmur cancel weather/daily_report aggregate-2012     # one task; what is below is blocked";

/// Ends a run, or one task of it, and stops what is at work for it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Cancel {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// Only this task
    task: Option<String>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

impl Cancel {
    /// Asks for it.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.ask(&target, screen))
    }

    async fn ask(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let run = find::run(target.store(), &self.run).await?;
        let (id, workflow) = (run.run.clone(), run.workflow_ref());
        let task = match &self.task {
            None => None,
            Some(task) => Some(RunView::load(target.store(), run).await?.find(task)?),
        };
        let what = OperationKind::Cancel { run: id, task };
        self.asking.ask(target, &workflow, what, screen).await
    }
}
