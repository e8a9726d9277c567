//! `murmur why`: the chain of facts that led here, or exactly what is still missing.

mod attempts;
mod blocked;
mod explanation;
mod origin;
mod path;
mod run;
mod slot;
mod task;
#[cfg(test)]
mod tests;

use clap::Args;
use ports::StateStore;

use self::explanation::Explanation;
use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::time::Zone;
use crate::output::{Screen, width};
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::run::RunView;

const EXAMPLES: &str = "\
Examples:
  murmur why weather/daily_report                # its newest run
  murmur why weather/daily_report aggregate      # a task of it
  murmur why energy/briefing@2026-03-01          # why there is no run for a day, too

In JSON: about, state, summary, chain (at, about, said), missing (what, because) and see.";

/// Says why a run or task is where it is, and what it still waits for
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Why {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// A task of the run
    task: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

impl Why {
    /// Prints the explanation.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let (explanation, zone) = self.explain(target).await?;
        if screen.is_json() {
            screen.json(&explanation)?;
        } else {
            screen.text(&explanation.text(&zone, width()))?;
        }
        Ok(Exit::Fine)
    }

    async fn explain(&self, target: &impl Target) -> Result<(Explanation, Zone), Failure> {
        let (store, now) = (target.store(), target.now()?);
        let run = match find::run(store, &self.run).await {
            Ok(run) => run,
            Err(failure) if failure.exit == Exit::NotFound && self.task.is_none() => {
                return self.without_run(store, now).await?.ok_or(failure);
            }
            Err(failure) => return Err(failure),
        };
        let zone = self
            .shown
            .of_workflows(store, &[run.workflow_ref()])
            .await?;
        let view = RunView::load(store, run).await?;
        let explanation = match &self.task {
            None => run::explain(store, &view, &zone, now).await?,
            Some(task) => task::explain(store, &view, &view.find(task)?, &zone, now).await?,
        };
        Ok((explanation, zone))
    }

    async fn without_run(
        &self,
        store: &impl StateStore,
        now: model::Timestamp,
    ) -> Result<Option<(Explanation, Zone)>, Failure> {
        let Some((workflow, slot)) = self.run.split_once('@') else {
            return Ok(None);
        };
        let workflow = find::workflow(store, workflow).await?;
        let zone = self
            .shown
            .of_workflows(store, std::slice::from_ref(&workflow))
            .await?;
        let explanation = slot::explain(store, &workflow, slot, &zone, now).await?;
        Ok(explanation.map(|explanation| (explanation, zone)))
    }
}
