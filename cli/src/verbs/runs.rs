//! `murmur runs`: the newest runs of everything, a team, or a workflow.

use clap::Args;
use jiff::SignedDuration;
use model::Timestamp;
use model::name::WorkflowRef;
use model::run::{Run, RunState};
use ports::StateStore;

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, maybe, plain};
use crate::output::time::{Zone, took};
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::{definitions, find, words};

const EXAMPLES: &str = "\
Examples:
  murmur runs
  murmur runs weather/daily_report --state failed
  murmur runs weather --since 7d --limit 100
  murmur runs --format json | jq -r '.[] | select(.state == \"failed\").run'

In JSON each run has: run, team, workflow, slot, logical_date, state, generation, definition, cause,
params, created_at, started_at, ended_at, reason (absent when there is none).";

/// Lists runs, the newest logical date first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Runs {
    /// A team, or a workflow as team/name; all when none is given
    #[arg(value_name = "TEAM or WORKFLOW")]
    of: Option<String>,
    /// Only runs in this state; may be given several times
    #[arg(long, value_enum)]
    state: Vec<State>,
    /// Only runs with a logical date since then: a date, an instant, or 2h, 3d, 1w ago
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER")]
    limit: usize,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// A run's state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

impl From<State> for RunState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Running => Self::Running,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::Skipped => Self::Skipped,
        }
    }
}

impl Runs {
    /// Prints the runs.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.print(&target, screen))
    }

    async fn print(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let store = target.store();
        let workflows = self.workflows(store).await?;
        let now = target.now()?;
        let zone = self.shown.of_workflows(store, &workflows).await?;
        let since = match &self.since {
            Some(text) => zone.parse_since(text, now)?,
            None => Timestamp::MIN,
        };
        let states: Vec<RunState> = self
            .state
            .iter()
            .map(|state| RunState::from(*state))
            .collect();
        let mut runs = Vec::new();
        for workflow in &workflows {
            runs.extend(newest(store, workflow, since, &states, self.limit).await?);
        }
        runs.sort_by(|one, other| {
            (other.logical_date, &one.run).cmp(&(one.logical_date, &other.run))
        });
        let more = runs.len() > self.limit;
        runs.truncate(self.limit);
        if screen.is_json() {
            screen.json(&runs)?;
            return Ok(Exit::Fine);
        }
        if runs.is_empty() {
            note(if workflows.is_empty() {
                "nothing is registered yet"
            } else {
                "there are no such runs"
            });
            return Ok(Exit::Fine);
        }
        screen.table(&table(&runs, &zone, now))?;
        if more {
            note(&format!(
                "there are more; see them with --limit {}",
                self.limit.saturating_mul(5)
            ));
        }
        Ok(Exit::Fine)
    }

    async fn workflows(&self, store: &impl StateStore) -> Result<Vec<WorkflowRef>, Failure> {
        let Some(of) = &self.of else {
            return definitions::workflows(store).await;
        };
        if of.contains('/') {
            return Ok(vec![find::workflow(store, of).await?]);
        }
        let mut workflows = definitions::workflows(store).await?;
        workflows.retain(|workflow| workflow.team.as_str() == of);
        if workflows.is_empty() {
            // A workflow's name without its team is the likelier slip.
            return Ok(vec![find::workflow(store, of).await?]);
        }
        Ok(workflows)
    }
}

/// The newest runs of a workflow in one of these states, one more than the limit if there are.
async fn newest(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    since: Timestamp,
    states: &[RunState],
    limit: usize,
) -> Result<Vec<Run>, Failure> {
    const PAGE: usize = 500;
    let wanted = limit.saturating_add(1);
    let page = if states.is_empty() {
        wanted.min(PAGE)
    } else {
        PAGE
    };
    let (mut found, mut until) = (Vec::new(), Timestamp::MAX);
    loop {
        let runs = store.runs_of(workflow, since, until, page).await?;
        for stored in &runs {
            let run = stored.read::<Run>()?.value;
            until = until.min(run.logical_date);
            if states.is_empty() || states.contains(&run.state) {
                found.push(run);
            }
        }
        let earlier = until.checked_sub(SignedDuration::from_nanos(1));
        match earlier {
            Ok(earlier) if runs.len() == page && found.len() < wanted => until = earlier,
            Ok(_) | Err(_) => break,
        }
    }
    found.truncate(wanted);
    Ok(found)
}

fn table(runs: &[Run], zone: &Zone, now: Timestamp) -> Table {
    let mut table = Table::new([
        ("run", Fit::Whole),
        ("state", Fit::Whole),
        (zone.name(), Fit::Drop),
        ("took", Fit::Drop),
        ("pass", Fit::Drop),
        ("cause", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    for run in runs {
        let pass = (run.generation > 1).then_some(run.generation);
        let paused = if run.paused { ", paused" } else { "" };
        let started = run
            .started_at
            .map(|started| zone.full(started))
            .unwrap_or_default();
        let took = run
            .started_at
            .map(|started| took(started, run.ended_at.unwrap_or(now)));
        table.row([
            (run.run.to_string(), Paint::Strong),
            (
                format!("{}{paused}", words::run(run.state)),
                Paint::of_run(run.state),
            ),
            plain(started),
            maybe(took),
            maybe(pass),
            faint(words::cause(&run.cause)),
            plain(run.reason.clone().unwrap_or_default()),
        ]);
    }
    table
}
