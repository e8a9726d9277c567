//! `murmur local up`: the whole choreography on this machine, until it is stopped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::SignedDuration;
use local::{ClockMode, Endpoint, Engine, Functions, Handlers, Meters, SharedMeter};
use model::Timestamp;

use super::configuration::ConfigurationFile;
use super::exporting::Exporting;
use super::facts::Facts;
use super::posting::Posting;
use super::{Clock, embedded};
use crate::arguments::{EventsFolder, ShownZone};
use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::{Screen, note, progress};
use crate::target::local::DataFolder;

const EXAMPLES: &str = "\
Examples:
  murmur local up
  murmur local up --clock skip --from 2026-03-01 --until 2026-03-02    # a whole day, fast
  murmur local up --events my/events --data /tmp/trial

It registers the definitions, then starts runs and clusters on time and on completion. Facts go to
stderr as they come. ctrl-c stops it; what is at work goes on, and the next engine takes it over.
While it runs, the other verbs look at it and ask it for things from another terminal.";

/// Runs everything: clusters and workflows, on time and on completion
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Up {
    /// `real` time, or `skip` ahead whenever nothing is at work
    #[arg(long, value_enum, default_value = "real")]
    clock: Clock,
    /// Where skipping begins: a date or an instant [default: where it left off, else now]
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// When to stop
    #[arg(long, value_name = "WHEN", required_if_eq("clock", "skip"))]
    until: Option<String>,
    /// Serves figures for Prometheus at http://127.0.0.1:PORT/metrics
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
    /// Tells only what went wrong
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    config: ConfigurationFile,
    #[command(flatten)]
    events: EventsFolder,
    #[command(flatten)]
    data: DataFolder,
}

/// How often the moving line is drawn anew.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// How long before the instant asked for a clock that skips begins: longer than it takes to open
/// and register, so that what is due at that very instant is still to come.
const BEFORE: SignedDuration = SignedDuration::from_secs(30);

impl Up {
    /// Runs it.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let definitions = self.events.load()?;
        let mut zones = definitions
            .workflows
            .values()
            .map(|workflow| workflow.timezone.as_str());
        let first = zones.next();
        let own = first.filter(|first| zones.all(|zone| zone == *first));
        let zone = self.shown.or(own)?;
        let until = self
            .until
            .as_deref()
            .map(|until| zone.parse(until))
            .transpose()?;
        let from = self
            .from
            .as_deref()
            .map(|from| zone.parse(from))
            .transpose()?;
        let mode = self.mode(from)?;
        let folder = &self.data.data;
        let Some(data) = embedded::take(folder, mode)? else {
            return Err(Failure::trouble(format!(
                "another engine is at work on {}",
                folder.display()
            ))
            .help("stop it, or name another folder with --data"));
        };
        let configuration = self.config.read(&self.events.events, folder)?;
        let functions = Functions {
            notifier: Posting::begin(&configuration.alerts)?,
            exporter: Exporting::begin(&configuration.exports)?,
        };
        let mut engine = embedded::engine(data, configuration, functions)?;
        let endpoint = self.metrics_port.map(|port| measured(&engine, port));
        // It serves until the engine has stopped.
        let _endpoint = endpoint.transpose()?;
        embedded::register(&engine, &self.events, screen)?;
        let interrupted = embedded::stop_at_interrupt(engine.stopper())?;
        let now = engine.now().max(from.unwrap_or(Timestamp::MIN));
        if let Some(until) = until.filter(|until| *until <= now) {
            let (now, until) = (zone.full(now), zone.full(until));
            return Err(
                Failure::usage(format!("it is {now} already, not before {until}"))
                    .help("give a later --until, or another folder with --data to begin anew"),
            );
        }
        let said = format!("it is {} {}; ctrl-c stops", zone.full(now), zone.name());
        note(&Paint::Faint.text(&said));
        let facts = Rc::new(RefCell::new(Facts::new(zone, self.quiet)));
        let told = Rc::clone(&facts);
        engine.observe(move |fact| told.borrow_mut().on(fact));
        let mut shown = Instant::now();
        let result = engine.run_until(|engine| {
            if shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                facts.borrow().show(engine.now());
            }
            until.is_some_and(|until| engine.now() >= until)
        });
        let failed = facts.borrow_mut().end();
        result.map_err(embedded::stopped)?;
        if interrupted.load(Ordering::Relaxed) {
            progress::line("stopped");
        }
        embedded::farewell(local::compute_events::LocalCompute::in_flight(
            engine.compute(),
        ));
        if failed > 0 {
            let runs = if failed == 1 {
                "1 run".to_owned()
            } else {
                format!("{failed} runs")
            };
            note(&format!(
                "{runs} failed; `murmur runs --state failed` lists them"
            ));
        }
        Ok(Exit::Fine)
    }

    /// How time passes.
    fn mode(&self, from: Option<Timestamp>) -> Result<ClockMode, Failure> {
        match (self.clock, from) {
            (Clock::Real, None) => Ok(ClockMode::Real),
            (Clock::Real, Some(_)) => {
                Err(Failure::usage("real time begins now").help("with --from goes --clock skip"))
            }
            (Clock::Skip, Some(from)) => {
                let before = from.checked_sub(BEFORE);
                Ok(ClockMode::Skip {
                    start: before.unwrap_or(from),
                })
            }
            (Clock::Skip, None) => {
                let left_off = self.data.skipped_to()?;
                Ok(ClockMode::Skip {
                    start: left_off.unwrap_or_else(crate::present::now),
                })
            }
        }
    }
}

/// Measures an engine, for whoever fetches its figures.
fn measured<H: Handlers<embedded::Compute> + 'static>(
    engine: &Engine<embedded::Compute, H>,
    port: u16,
) -> Result<Endpoint, Failure> {
    let meters = Arc::new(Meters::new());
    let shared: SharedMeter = Arc::clone(&meters) as SharedMeter;
    engine.measure(&shared);
    let endpoint = Endpoint::open(port, meters).map_err(|error| {
        Failure::trouble(format!("cannot serve figures on port {port}")).because(error)
    })?;
    let said = format!(
        "figures for Prometheus are at http://{}/metrics",
        endpoint.address()
    );
    note(&Paint::Faint.text(&said));
    Ok(endpoint)
}
