//! `murmur forecast`: when runs under way will probably end, and whether that is in time.

mod print;

use std::collections::BTreeMap;

use choreography::forecast::{self, Ended, Forecast as Told, Going, Outlook, Past};
use clap::Args;
use model::Timestamp;
use model::expected::Deadline;
use model::key::Key;
use model::name::WorkflowRef;
use model::run::{Run, RunState};
use ports::{StateStore, TypedStore as _};
use protocols::history::{self, Attempts};

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::run::RunView;
use crate::view::{definitions, find};

const EXAMPLES: &str = "\
Examples:
  murmur forecast                                  # every run under way
  murmur forecast weather/daily_report             # one, with what its end waits for
  murmur forecast weather/daily_report --calibration

A run is forecast from its workflow's newest runs that succeeded, 20 at most: what is left of it
takes as long as it took in each of them. By its likely end it is over in half of these cases, by
its late end in nine of ten.

In JSON each run has: run, likely, late, deadline, outlook (on_time, at_risk, late, missed),
scenarios, path (task, ends, usual_seconds) and unknown (tasks without a history).";

/// Says when runs under way will probably end, and whether that is in time
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Forecast {
    #[arg(help = find::RUN_HELP)]
    run: Option<String>,
    /// Tells how good forecasts of this workflow's past runs would have been
    #[arg(long, requires = "run")]
    calibration: bool,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// How many past runs a calibration looks at.
const CALIBRATED: usize = 100;

/// A run under way with what is told of it.
struct Foreseen {
    run: Run,
    deadline_at: Option<Timestamp>,
    /// `None` when too few runs went before it.
    told: Option<Told>,
}

impl Foreseen {
    fn outlook(&self, now: Timestamp) -> Option<Outlook> {
        let (told, deadline_at) = (self.told.as_ref()?, self.deadline_at?);
        Some(told.outlook(deadline_at, now))
    }
}

impl Forecast {
    /// Prints the forecasts.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let store = target.store();
        if self.calibration {
            let named = self.run.as_deref().unwrap_or_default();
            return calibration(store, named, screen).await;
        }
        let runs = self.runs(store).await?;
        let workflows: Vec<WorkflowRef> = runs.iter().map(Run::workflow_ref).collect();
        let zone = self.shown.of_workflows(store, &workflows).await?;
        let now = target.now()?;
        let mut histories = BTreeMap::new();
        let mut foreseen = Vec::new();
        for run in runs {
            let workflow = run.workflow_ref();
            if !histories.contains_key(&workflow) {
                let past = history::ended(store, &workflow, forecast::MOST).await?;
                histories.insert(workflow.clone(), past);
            }
            foreseen.push(foresee(store, run, &histories[&workflow], now).await?);
        }
        if screen.is_json() {
            let documents: Vec<_> = foreseen
                .iter()
                .map(|one| print::document(one, now))
                .collect();
            screen.json(&documents)?;
        } else if let (Some(_), [one]) = (&self.run, foreseen.as_slice()) {
            print::one(screen, one, &zone, now)?;
        } else {
            print::all(screen, &foreseen, &zone, now)?;
        }
        Ok(Exit::Fine)
    }

    /// The run asked for, or every run under way.
    async fn runs(&self, store: &impl StateStore) -> Result<Vec<Run>, Failure> {
        if let Some(text) = &self.run {
            let run = find::run(store, text).await?;
            if run.state.is_terminal() {
                let what = format!("{} has ended, so there is nothing to forecast", run.run);
                let help = format!("`murmur show {}` tells how it went", run.run);
                return Err(Failure::not_found(what).help(help));
            }
            return Ok(vec![run]);
        }
        /// More runs of one workflow are hardly ever under way at once.
        const NEWEST: usize = 50;
        let mut runs = Vec::new();
        for workflow in definitions::workflows(store).await? {
            let newest = find::runs_of(store, &workflow, NEWEST).await?;
            runs.extend(
                newest
                    .into_iter()
                    .filter(|run| run.state == RunState::Running),
            );
        }
        Ok(runs)
    }
}

/// Forecasts a run from its workflow's earlier ones.
async fn foresee(
    store: &impl StateStore,
    run: Run,
    past: &[Ended],
    now: Timestamp,
) -> Result<Foreseen, Failure> {
    let key = Key::Deadline(run.workflow_ref(), run.slot.clone());
    let deadline = store.get::<Deadline>(&key).await?;
    let view = RunView::load(store, run).await?;
    let attempts = Attempts::read(store, &view.run).await?;
    let progress = attempts.progress(|task| view.scopes.effective(task));
    let past: Vec<Past> = past.iter().map(|run| run.took.clone()).collect();
    let opened_at = view.generations.last().map(|generation| generation.at);
    let told = view.plan.as_deref().and_then(|plan| {
        let going = Going {
            plan,
            started_at: opened_at.or(view.run.started_at).unwrap_or(now),
            progress: &progress,
            now,
        };
        forecast::forecast(&going, &past)
    });
    Ok(Foreseen {
        deadline_at: deadline.map(|deadline| deadline.value.deadline_at),
        told,
        run: view.run,
    })
}

/// Tells how forecasts of a workflow's past runs would have come out.
async fn calibration(
    store: &impl StateStore,
    named: &str,
    screen: Screen,
) -> Result<Exit, Failure> {
    let workflow = find::workflow(store, named).await?;
    let current = definitions::current_workflow(store, &workflow).await?;
    let plan = match &current {
        Some((current, _)) => definitions::plan(store, &current.definition).await?,
        None => None,
    };
    let runs = history::ended(store, &workflow, CALIBRATED).await?;
    let found = plan.and_then(|plan| forecast::calibration(&plan, &runs));
    let Some(found) = found else {
        let fewest = forecast::FEWEST + 1;
        let what = format!("{workflow} has too short a history to judge its forecasts by");
        let help = format!(
            "{fewest} runs that succeeded at once are needed, there are {}",
            runs.len()
        );
        return Err(Failure::not_found(what).help(help));
    };
    print::calibration(screen, &workflow, &found)?;
    Ok(Exit::Fine)
}
