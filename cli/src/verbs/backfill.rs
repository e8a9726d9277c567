//! `murmur backfill`: a workflow for each of its slots in a range of dates.

use std::collections::BTreeMap;

use choreography::backfill::{Action, BackfillError, Planned, plan_backfill, slots};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use model::Timestamp;
use model::definition::Workflow;
use model::id::{RunId, Slot};
use model::key::Key;
use model::operation::{ExistingRuns, OperationKind, RerunScope};
use model::run::{Run, RunState};
use ports::{StateStore, TypedStore as _};
use serde::Serialize;

use crate::ask::Asking;
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, plain};
use crate::output::time::Zone;
use crate::output::{Screen, note};
use crate::params;
use crate::target::local::DataFolder;
use crate::target::{At, Target, block_on};
use crate::view::{definitions, find, words};

const EXAMPLES: &str = "\
Examples:
  murmur backfill weather/daily_report --from 2026-02-01 --to 2026-02-28 --dry-run
  murmur backfill weather/daily_report --from 2026-02-01 --to 2026-02-28 --max-active 4
  murmur backfill weather/daily_report --from 2026-02-01 --to 2026-02-28 --existing failed

Dates are the workflow's own, both inclusive. In JSON a dry run is a list: run, slot,
logical_date, action (start, rerun or leave), existing.";

/// Runs a workflow for each of its slots in a range of dates
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Backfill {
    /// A workflow, as team/name
    workflow: String,
    /// The first date
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The last date
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// How many of its runs may be active at once
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_active: u32,
    /// What becomes of slots that have run already: none are run again, failed ones, or all
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    existing: Existing,
    /// A param of the workflow; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Only says what would run
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    data: DataFolder,
}

/// Which runs there are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Existing {
    #[default]
    None,
    Failed,
    All,
}

impl From<Existing> for ExistingRuns {
    fn from(existing: Existing) -> Self {
        match existing {
            Existing::None => Self::None,
            Existing::Failed => Self::Failed,
            Existing::All => Self::All,
        }
    }
}

/// A slot of a dry run, for machines.
#[derive(Debug, Serialize)]
struct Row<'a> {
    run: &'a RunId,
    slot: &'a Slot,
    logical_date: Timestamp,
    action: &'static str,
    existing: Option<&'static str>,
}

impl Backfill {
    /// Asks for it, or says what would run.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        block_on(self.ask(&target, screen))
    }

    async fn ask(self, target: &impl Target, screen: Screen) -> Result<Exit, Failure> {
        let store = target.store();
        let workflow = find::workflow(store, &self.workflow).await?;
        let Some((_, definition)) = definitions::current_workflow(store, &workflow).await? else {
            return Err(Failure::trouble(format!(
                "the definition of {workflow} is not stored"
            )));
        };
        let params = params::read(&definition, &self.param)?;
        let slots = slots(&definition, self.from, self.to, target.now()?)
            .map_err(|error: BackfillError| Failure::usage(error.to_string()))?;
        let runs = slots.iter().map(|slot| RunId::of(&workflow, &slot.slot));
        let existing = states(store, runs).await?;
        let planned = plan_backfill(&definition, &slots, &existing, self.existing.into());
        if self.dry_run {
            return preview(&definition, &planned, &existing, screen);
        }
        let at_work = planned
            .iter()
            .filter(|planned| is_run(&planned.action))
            .count();
        note(&format!(
            "{at_work} of {} slots are run, {} at once",
            planned.len(),
            self.max_active
        ));
        if at_work == 0 {
            note("nothing is to be done; `--existing failed` or `all` runs slots again");
            return Ok(Exit::Fine);
        }
        let what = OperationKind::Backfill {
            workflow: workflow.clone(),
            from: self.from,
            to: self.to,
            max_active_runs: self.max_active,
            existing: self.existing.into(),
            params,
        };
        self.asking.ask(target, &workflow, what, screen).await
    }
}

async fn states(
    store: &impl StateStore,
    runs: impl Iterator<Item = RunId>,
) -> Result<BTreeMap<RunId, RunState>, Failure> {
    let mut states = BTreeMap::new();
    for run in runs {
        if let Some(stored) = store.get::<Run>(&Key::Run(run.clone())).await? {
            states.insert(run, stored.value.state);
        }
    }
    Ok(states)
}

fn is_run(action: &Action) -> bool {
    match action {
        Action::Start | Action::Rerun(_) => true,
        Action::Leave(_) => false,
    }
}

fn preview(
    workflow: &Workflow,
    planned: &[Planned],
    existing: &BTreeMap<RunId, RunState>,
    screen: Screen,
) -> Result<Exit, Failure> {
    let state = |planned: &Planned| existing.get(&planned.run).map(|state| words::run(*state));
    if screen.is_json() {
        let rows = planned.iter().map(|planned| Row {
            run: &planned.run,
            slot: &planned.slot.slot,
            logical_date: planned.slot.logical_date,
            action: match planned.action {
                Action::Start => "start",
                Action::Rerun(_) => "rerun",
                Action::Leave(_) => "leave",
            },
            existing: state(planned),
        });
        screen.json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Fine);
    }
    let zone = Zone::named(&workflow.timezone).unwrap_or_default();
    let mut table = Table::new([
        (zone.name(), Fit::Whole),
        ("run", Fit::Whole),
        ("now", Fit::Whole),
        ("then", Fit::Wrap),
    ]);
    for one in planned {
        let (then, paint) = match &one.action {
            Action::Start => ("starts", Paint::Good),
            Action::Rerun(RerunScope::FromFailure) => ("reruns from failure", Paint::Waiting),
            Action::Rerun(RerunScope::All | RerunScope::Task { .. }) => ("reruns", Paint::Waiting),
            Action::Leave(_) => ("stays", Paint::Faint),
        };
        table.row([
            plain(zone.weekday(one.slot.logical_date)),
            (one.run.to_string(), Paint::Strong),
            plain(state(one).unwrap_or("")),
            (then.to_owned(), paint),
        ]);
    }
    screen.table(&table)?;
    let run = planned.iter().filter(|one| is_run(&one.action)).count();
    note(&format!(
        "{run} of {} slots would run; nothing was done",
        planned.len()
    ));
    Ok(Exit::Fine)
}
