//! `murmur local run`: one run on this machine, watched to its end.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use clap::Args;
use local::{ClockMode, Data, Engine};
use model::Timestamp;
use model::definition::{Cluster, Definitions, Workflow};
use model::fact::{Fact, FactBody};
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::Function;
use model::operation::{Operation, OperationKind, OperationRequest, OperationState};
use model::units::Seconds;
use ports::{Outgoing, Ports as _, TypedStore as _};

use super::configuration::ConfigurationFile;
use super::embedded::Compute;
use super::only_asked::OnlyAsked;
use super::{Clock, embedded, start};
use crate::arguments::{EventsFolder, ShownZone};
use crate::ask::{self, Who};
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::time::{Zone, took};
use crate::output::{Screen, note, progress};
use crate::params;
use crate::target::Target;
use crate::target::local::{DataFolder, LocalTarget};
use crate::view::run::RunView;
use crate::view::{find, words};
use crate::watch::{LOOK_EVERY, Watch};

const EXAMPLES: &str = "\
Examples:
  murmur local run weather/daily_report
  murmur local run weather/daily_report --date 2026-03-01 --param years=2
  murmur local run weather/daily_report --key try-1      # again with the same key: the same run

It registers the definitions and runs nothing but this. Time skips ahead whenever nothing is at
work, and begins where the clusters it needs were last open; with --clock real it is now.
It exits with 0 when the run succeeded and 1 when it did not; in JSON it prints the run's item.";

/// Runs one workflow once, and shows how it goes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// A workflow, as team/name
    workflow: String,
    /// The logical date: a date or an instant [default: when it begins]
    #[arg(long, value_name = "WHEN")]
    date: Option<String>,
    /// A param of the workflow; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// What the run is for [default: a new key]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// `skip` ahead whenever nothing is at work, or `real` time
    #[arg(long, value_enum, default_value = "skip")]
    clock: Clock,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    config: ConfigurationFile,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    events: EventsFolder,
    #[command(flatten)]
    data: DataFolder,
}

/// How far time may skip ahead before a run is given up on; windows are at most a week apart.
const LONGEST: Seconds = Seconds::hours(8 * 24);

impl Run {
    /// Runs it.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let definitions = self.events.load()?;
        let workflow = self.workflow(&definitions)?;
        let zone = self.shown.or(Some(&workflow.timezone))?;
        let needed = start::needed(&definitions, workflow);
        let now = crate::present::now();
        let opening = start::last_opening(&needed, now);
        let mode = match self.clock {
            Clock::Skip => ClockMode::Skip { start: opening },
            Clock::Real => {
                start::must_be_open(&needed, now, &zone)?;
                ClockMode::Real
            }
        };
        match embedded::take(&self.data.data, mode)? {
            Some(data) => self.embedded(data, workflow, (&needed, opening), &zone, screen),
            None => self.beside(workflow, &zone, screen),
        }
    }

    fn workflow<'a>(&self, definitions: &'a Definitions) -> Result<&'a Workflow, Failure> {
        let mut all = definitions.workflows.iter();
        match all.find(|(reference, _)| reference.to_string() == self.workflow) {
            Some((_, workflow)) => Ok(workflow),
            None => {
                let known: Vec<String> = definitions
                    .workflows
                    .keys()
                    .map(ToString::to_string)
                    .collect();
                Err(find::unknown("workflow", &self.workflow, &known))
            }
        }
    }

    fn request(
        &self,
        workflow: &Workflow,
        zone: &Zone,
        at: Timestamp,
        begins: Timestamp,
    ) -> Result<(OperationRequest, RunId), Failure> {
        let date = self
            .date
            .as_deref()
            .map(|date| zone.parse(date))
            .transpose()?;
        let what = OperationKind::Start {
            workflow: workflow.reference(),
            slot: self.key.as_deref().map(Slot::from),
            logical_date: Some(date.unwrap_or(begins)),
            params: params::read(workflow, &self.param)?,
        };
        let request = self.who.request_here(what, at);
        let run = ask::run_of(&request);
        let run = run.ok_or_else(|| Failure::trouble("a request to start names a run"))?;
        Ok((request, run))
    }

    /// In an engine of our own.
    fn embedded(
        &self,
        data: Data,
        workflow: &Workflow,
        (needed, opening): (&[Vec<&Cluster>], Timestamp),
        zone: &Zone,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let configuration = self.config.read(&self.events.events, &self.data.data)?;
        let mut engine = embedded::engine(data, configuration, OnlyAsked::default())?;
        embedded::register(&engine, &self.events, screen)?;
        let began = engine.now();
        let (request, run) = self.request(workflow, zone, began, began.max(opening))?;
        announce(&run, zone, began);
        if has_ended(&engine, &run)? {
            note("it has ended already; another --key, or none, makes another run");
        }
        let store = engine.ports().store();
        let ticks = pollster::block_on(start::missed_provisions(store, needed, began))?;
        for tick in ticks {
            let sent = engine.send(Function::ProvisionCluster, Outgoing::from(tick));
            sent.map_err(embedded::stopped)?;
        }
        let operation = Key::Operation(request.operation.clone());
        let message = ask::message(&workflow.reference(), request);
        engine
            .send(Function::Operate, Outgoing::from(message))
            .map_err(embedded::stopped)?;
        let interrupted = embedded::stop_at_interrupt(engine.stopper())?;
        let mut watch = Watch::new(run.clone(), zone.clone());
        let given_up = drive(&mut engine, &mut watch, &operation, &run, began)?;
        watch.clear();
        embedded::farewell(local::compute_events::LocalCompute::in_flight(
            engine.compute(),
        ));
        if interrupted.load(Ordering::Relaxed) {
            note(&format!("stopped; `murmur local up` goes on with {run}"));
            return Ok(Exit::Interrupted);
        }
        drop(engine);
        let target = self.data.open()?;
        pollster::block_on(async {
            refused(&target, &operation).await?;
            if given_up {
                note(&format!(
                    "{run} has not ended after {LONGEST}; `murmur why {run}` says why"
                ));
            }
            end(&target, &run, zone, screen).await
        })
    }

    /// By the engine that is at work on the folder.
    fn beside(&self, workflow: &Workflow, zone: &Zone, screen: Screen) -> Result<Exit, Failure> {
        let target = self.data.open()?;
        note(&Paint::Faint.text(&format!(
            "an engine is at work on {}; it runs this, with the definitions it has registered",
            self.data.data.display()
        )));
        pollster::block_on(async {
            let at = target.now()?;
            let (request, run) = self.request(workflow, zone, at, at)?;
            announce(&run, zone, at);
            let operation = Key::Operation(request.operation.clone());
            let message = ask::message(&workflow.reference(), request);
            target.send(Function::Operate, message).await?;
            let mut watch = Watch::new(run.clone(), zone.clone());
            while watch.look(target.store(), target.now()?).await?.is_none() {
                refused(&target, &operation).await?;
                if !target.is_at_work()? {
                    watch.clear();
                    note(&format!(
                        "the engine has stopped; `murmur local up` goes on with {run}"
                    ));
                    return Ok(Exit::Interrupted);
                }
                std::thread::sleep(LOOK_EVERY);
            }
            end(&target, &run, zone, screen).await
        })
    }
}

fn announce(run: &RunId, zone: &Zone, began: Timestamp) {
    let at = zone.full(began);
    note(&format!(
        "{} begins {at} {}",
        Paint::Strong.text(run.as_str()),
        zone.name()
    ));
}

/// Runs the engine until the run has ended; says whether it was given up on.
fn drive(
    engine: &mut Engine<Compute, OnlyAsked>,
    watch: &mut Watch,
    operation: &Key,
    run: &RunId,
    began: Timestamp,
) -> Result<bool, Failure> {
    // Told at once, not at the next look: meanwhile time would skip far beyond the end.
    let ended = Rc::new(Cell::new(has_ended(engine, run)?));
    let (flag, id, operation) = (Rc::clone(&ended), run.clone(), operation.clone());
    engine.observe(move |fact| {
        if ends(fact, &id, &operation) {
            flag.set(true);
        }
    });
    let (mut trouble, mut given_up) = (None, false);
    let result = engine.run_until(|engine| {
        given_up = engine.now() > LONGEST.after(began);
        if ended.get() || watch.is_due() {
            let look = watch.look(engine.ports().store(), engine.now());
            trouble = pollster::block_on(look).err();
        }
        ended.get() || given_up || trouble.is_some()
    });
    watch.clear();
    result.map_err(embedded::stopped)?;
    match trouble {
        Some(trouble) => Err(trouble),
        None => Ok(given_up && !ended.get()),
    }
}

fn has_ended(engine: &Engine<Compute, OnlyAsked>, run: &RunId) -> Result<bool, Failure> {
    let key = Key::Run(run.clone());
    let store = engine.ports().store();
    let stored = pollster::block_on(store.get::<model::run::Run>(&key))?;
    Ok(stored.is_some_and(|run| run.value.state.is_terminal()))
}

/// Whether a fact says that the run has ended, or will never be.
fn ends(fact: &Fact, run: &RunId, operation: &Key) -> bool {
    match &fact.body {
        FactBody::RunSucceeded(fact)
        | FactBody::RunFailed(fact)
        | FactBody::RunCancelled(fact)
        | FactBody::RunSkipped(fact) => fact.run == *run,
        FactBody::OperationDone(fact) => {
            !fact.done && Key::Operation(fact.operation.clone()) == *operation
        }
        _ => false,
    }
}

/// Fails when the request was refused.
async fn refused(target: &LocalTarget, operation: &Key) -> Result<(), Failure> {
    let stored = target
        .store()
        .get::<Operation>(operation)
        .await?
        .map(|stored| stored.value);
    match stored {
        Some(Operation {
            state: OperationState::Refused,
            result,
            ..
        }) => {
            let why = result.unwrap_or_default();
            Err(Failure::not_as_it_should_be(format!("refused: {why}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Says how the run ended and where to look further.
async fn end(
    target: &LocalTarget,
    run: &RunId,
    zone: &Zone,
    screen: Screen,
) -> Result<Exit, Failure> {
    let store = target.store();
    let run = find::run(store, run.as_str()).await?;
    let view = RunView::load(store, run).await?;
    let run = &view.run;
    if screen.is_json() {
        screen.json(run)?;
    }
    for task in view
        .tasks
        .values()
        .filter(|task| task.failure.is_some() && is_final(task.state))
    {
        for log in target.logs(task).await? {
            progress::line(&format!(
                "  {} {}",
                Paint::Bad.text(task.task.as_str()),
                log.stderr.as_deref().unwrap_or(&log.stdout)
            ));
        }
    }
    let state = Paint::of_run(run.state).text(words::run(run.state));
    let took = run
        .started_at
        .zip(run.ended_at)
        .map(|(from, to)| format!(" in {}", took(from, to)));
    let at = run
        .ended_at
        .map(|ended| zone.full(ended))
        .unwrap_or_default();
    let reason = run
        .reason
        .as_ref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    note(&format!(
        "{} {state}{}{reason} {}",
        run.run,
        took.unwrap_or_default(),
        Paint::Faint.text(&at)
    ));
    let succeeded = run.state == model::run::RunState::Succeeded;
    let hint = if succeeded { "show" } else { "why" };
    note(&Paint::Faint.text(&format!("murmur {hint} {}", run.run)));
    Ok(if succeeded {
        Exit::Fine
    } else {
        Exit::NotAsItShouldBe
    })
}

fn is_final(state: model::task::TaskState) -> bool {
    state == model::task::TaskState::Failed
}
