//! `murmur show`: a run with its tasks, and its reruns.

mod header;
mod json;
mod tasks;

use clap::Args;
use model::name::TaskName;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::find;
use crate::view::run::{RunView, Standing};

const EXAMPLES: &str = "\
Examples:
  murmur show weather/daily_report               # its newest run
  murmur show weather/daily_report@2026-03-01
  murmur show weather--daily_report--20260301t051500z --state failed
  murmur show weather/daily_report --tasks       # every task of a wide run

A run of more than 60 tasks is summed up unless --tasks or --state is given.
In JSON: run (the run's item), counts, tasks (task, state, after, attempts, …) and generations.";

/// Shows a run: where it is, its tasks, its reruns
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    #[arg(help = find::RUN_HELP)]
    run: String,
    /// Lists every task, however many there are
    #[arg(long)]
    tasks: bool,
    /// Lists only tasks in this state; may be given several times
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// The states `--state` knows.
const STATES: [&str; 12] = [
    "pending",
    "never reached",
    "waiting",
    "retrying",
    "claimed",
    "submitted",
    "running",
    "succeeded",
    "failed",
    "skipped",
    "blocked",
    "cancelled",
];

/// The most tasks that are listed unasked.
const MOST_UNASKED: usize = 60;

impl Show {
    /// Prints the run.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        for state in &self.state {
            if !STATES.contains(&state.as_str()) {
                let known = STATES.map(str::to_owned);
                return Err(find::unknown("state", state, &known).into_usage());
            }
        }
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let store = target.store();
        let run = find::run(store, &self.run).await?;
        let view = RunView::load(store, run).await?;
        let names: Vec<TaskName> = view
            .names()
            .into_iter()
            .filter(|name| self.wants(&view, name))
            .collect();
        if screen.is_json() {
            screen.json(&json::document(&view, &names))?;
            return Ok(Exit::Fine);
        }
        let zone = self
            .shown
            .of_workflows(store, &[view.run.workflow_ref()])
            .await?;
        let now = target.now()?;
        screen.text(&header::text(&view, &zone, now))?;
        let listed = self.tasks || !self.state.is_empty() || names.len() <= MOST_UNASKED;
        if listed {
            screen.text("\n")?;
            screen.table(&tasks::list(&view, &names, &zone, now))?;
        } else {
            screen.text("\n")?;
            screen.table(&tasks::summary(&view))?;
            let notable = tasks::notable(&view);
            if !notable.is_empty() {
                screen.text("\n")?;
                screen.table(&tasks::list(&view, &notable, &zone, now))?;
            }
            note(&format!(
                "{} tasks are summed up; list them with --tasks or --state failed",
                names.len()
            ));
        }
        if names.is_empty() && !self.state.is_empty() {
            note(&format!("no task is {}", self.state.join(" or ")));
        }
        Ok(Exit::Fine)
    }

    fn wants(&self, view: &RunView, name: &TaskName) -> bool {
        let is = |standing: Standing, state: &String| standing.word() == state;
        self.state.is_empty()
            || self
                .state
                .iter()
                .any(|state| is(view.standing(name), state))
    }
}
