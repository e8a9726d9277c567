//! `murmur local finish`: what was asked for while no engine was at work, and what was left open,
//! done to the end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use clap::Args;
use local::{ClockMode, Engine};
use model::Timestamp;
use model::fact::{Fact, FactBody};
use model::run::Run;
use model::units::Seconds;
use ports::{Ports as _, StateStore};

use super::configuration::ConfigurationFile;
use super::embedded::Compute;
use super::facts::Facts;
use super::only_asked::OnlyAsked;
use super::{Clock, embedded};
use crate::arguments::{EventsFolder, ShownZone};
use crate::exit::{Exit, Failure};
use crate::output::{Screen, note};
use crate::target::Target as _;
use crate::target::local::DataFolder;
use crate::view::definitions;

const EXAMPLES: &str = "\
Examples:
  murmur rerun weather/daily_report --latest && murmur local finish

It registers the definitions, carries out what was asked for, goes on with every run that has not
ended, and stops when there is none. Schedules and upstreams start nothing. It exits with 1 when a
run failed.";

/// Does what was asked for and what is open, then stops
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Finish {
    /// `skip` ahead whenever nothing is at work, or `real` time
    #[arg(long, value_enum, default_value = "skip")]
    clock: Clock,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    config: ConfigurationFile,
    #[command(flatten)]
    events: EventsFolder,
    #[command(flatten)]
    data: DataFolder,
}

/// After how many turns everything that lay in the inboxes was looked at once.
const FIRST_TURNS: u32 = 4;
/// How far time may skip ahead; windows are at most a week apart.
const LONGEST: Seconds = Seconds::hours(8 * 24);
/// How many runs of each workflow are looked at, the newest first.
const LOOKED_AT: usize = 500;

impl Finish {
    /// Finishes.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        self.events.load()?;
        let target = self.data.open()?;
        let workflows = pollster::block_on(definitions::workflows(target.store()))?;
        let zone = self.shown.of_workflows(target.store(), &workflows);
        let zone = pollster::block_on(zone)?;
        let mode = match self.clock {
            Clock::Real => ClockMode::Real,
            Clock::Skip => ClockMode::Skip {
                start: target.now()?,
            },
        };
        drop(target);
        let folder = &self.data.data;
        let Some(data) = embedded::take(folder, mode)? else {
            let folder = folder.display();
            let what = format!("another engine is at work on {folder}");
            return Err(Failure::trouble(what).help("it does what is asked for by itself"));
        };
        let configuration = self.config.read(&self.events.events, folder)?;
        let mut engine = embedded::engine(data, configuration, OnlyAsked::default())?;
        embedded::register(&engine, &self.events, screen)?;
        let interrupted = embedded::stop_at_interrupt(engine.stopper())?;
        let facts = Rc::new(RefCell::new(Facts::new(zone, false)));
        let left = drive(&mut engine, &facts);
        let failed = facts.borrow_mut().end();
        let left = left?;
        embedded::farewell(local::compute_events::LocalCompute::in_flight(
            engine.compute(),
        ));
        if interrupted.load(Ordering::Relaxed) {
            return Ok(Exit::Interrupted);
        }
        for run in &left {
            note(&format!("{run} has not ended; `murmur why {run}` says why"));
        }
        let fine = failed == 0 && left.is_empty();
        Ok(if fine {
            Exit::Fine
        } else {
            Exit::NotAsItShouldBe
        })
    }
}

/// Runs the engine until no run is open; gives those that still are when it is given up on.
fn drive(
    engine: &mut Engine<Compute, OnlyAsked>,
    facts: &Rc<RefCell<Facts>>,
) -> Result<Vec<String>, Failure> {
    let began = engine.now();
    let news = Rc::new(Cell::new(true));
    let (told, flag) = (Rc::clone(facts), Rc::clone(&news));
    engine.observe(move |fact| {
        // What an engine before left unacknowledged is told again.
        if fact.time >= began {
            told.borrow_mut().on(fact);
        }
        if may_end_it(fact) {
            flag.set(true);
        }
    });
    let (mut turns, mut looked) = (0, Ok(Vec::new()));
    let result = engine.run_until(|engine| {
        turns += 1;
        let now = engine.now();
        facts.borrow().show(now);
        let given_up = now > LONGEST.after(began);
        if turns < FIRST_TURNS || !(news.take() || given_up) {
            return false;
        }
        looked = pollster::block_on(open_runs(engine.ports().store(), now));
        given_up || looked.as_ref().map_or(true, Vec::is_empty)
    });
    result.map_err(embedded::stopped)?;
    looked
}

fn may_end_it(fact: &Fact) -> bool {
    match &fact.body {
        FactBody::RunSucceeded(_)
        | FactBody::RunFailed(_)
        | FactBody::RunCancelled(_)
        | FactBody::RunSkipped(_)
        | FactBody::OperationDone(_) => true,
        FactBody::RunWaiting(_)
        | FactBody::RunStarted(_)
        | FactBody::TaskReady(_)
        | FactBody::TaskStarted(_)
        | FactBody::TaskRetrying(_)
        | FactBody::TaskSucceeded(_)
        | FactBody::TaskFailed(_)
        | FactBody::TaskSkipped(_)
        | FactBody::TaskCancelled(_)
        | FactBody::ClusterRequested(_)
        | FactBody::ClusterReady(_)
        | FactBody::ClusterDraining(_)
        | FactBody::ClusterTerminated(_)
        | FactBody::ClusterFailed(_)
        | FactBody::DeadlineMissed(_)
        | FactBody::DeadlineAtRisk(_)
        | FactBody::RunSlow(_)
        | FactBody::ClusterIdle(_)
        | FactBody::ClusterLeaked(_)
        | FactBody::TickMissed(_)
        | FactBody::LettersSetAside(_)
        | FactBody::LettersGone(_)
        | FactBody::OperationRequested(_) => false,
    }
}

/// The runs that have not ended; those that a person paused are not waited for.
async fn open_runs(store: &impl StateStore, now: Timestamp) -> Result<Vec<String>, Failure> {
    let mut open = Vec::new();
    for workflow in definitions::workflows(store).await? {
        let runs = store.runs_of(&workflow, Timestamp::MIN, Timestamp::MAX, LOOKED_AT);
        for stored in runs.await? {
            let run = stored.read::<Run>()?.value;
            if !run.state.is_terminal() && !run.paused && run.created_at <= now {
                open.push(run.run.to_string());
            }
        }
    }
    Ok(open)
}
