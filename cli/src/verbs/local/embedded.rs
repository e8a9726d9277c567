//! The engine in this process: opening it, registering definitions, stopping it by ctrl-c.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use local::compute::{LocalConfiguration, ProcessCompute};
use local::{
    ClockMode, Data, DataError, Durability, Engine, EngineClock, EngineError, Handlers, Options,
    Stopper,
};
use register_definitions::{Changes, Difference, Refused, Registered};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::arguments::EventsFolder;
use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::progress::LogLine;
use crate::output::{Screen, note, progress};
use crate::story::file;
use crate::target::local::refused;

/// The compute of an engine here.
pub type Compute = ProcessCompute<EngineClock>;

/// Opens a data folder for an engine; `None` when another engine is at work on it.
pub fn take(folder: &Path, clock: ClockMode) -> Result<Option<Data>, Failure> {
    match Data::open(
        folder,
        Options {
            durability: Durability::default(),
            clock,
        },
    ) {
        Ok(data) => Ok(Some(data)),
        Err(DataError::Taken { .. }) => Ok(None),
        Err(error) => Err(refused(error, folder)),
    }
}

/// Where alerts go of an engine that is there for one run: whoever started it looks at it.
pub type Nowhere = ports::Unheard;

/// Puts an engine together.
pub fn engine<H: Handlers<Compute> + 'static>(
    data: Data,
    configuration: LocalConfiguration,
    handlers: H,
) -> Result<Engine<Compute, H>, Failure> {
    file::keep(data.folder(), data.clock()).map_err(|error| {
        let what = format!("cannot keep a log in {}", data.folder().display());
        Failure::trouble(what).because(error)
    })?;
    let compute = ProcessCompute::open(data.folder(), configuration, data.clock())
        .map_err(|error| Failure::trouble("cannot open the compute's state").because(error))?;
    Ok(Engine::new(data, compute, handlers))
}

/// Registers the definitions; a broken set is told as `murmur check` tells it.
pub fn register<H: Handlers<Compute> + 'static>(
    engine: &Engine<Compute, H>,
    events: &EventsFolder,
    screen: Screen,
) -> Result<(), Failure> {
    let files = events.files()?;
    let registered = engine
        .call(async |ports| register_definitions::register(ports, &files).await)
        .map_err(stopped)?;
    let folder = events.events.display();
    match registered {
        Ok(Registered::Unchanged) => Ok(()),
        Ok(Registered::Changed(changes)) => {
            let said = said(&changes);
            note(&Paint::Faint.text(&format!("registered {folder}: {said}")));
            Ok(())
        }
        Err(Refused::Broken { diagnostics }) => {
            if screen.is_json() {
                screen.json(&definitions::to_json(&diagnostics))?;
            } else {
                note(definitions::render(&diagnostics, &files, true).trim_end());
            }
            Err(
                Failure::not_as_it_should_be(format!("the definitions in {folder} are refused"))
                    .help("nothing was changed; mend them and start again"),
            )
        }
        Err(error @ Refused::Interrupted(_)) => {
            Err(Failure::trouble("cannot register the definitions").because(error))
        }
    }
}

fn said(changes: &Changes) -> String {
    fn one<T>(what: &str, difference: &Difference<T>, said: &mut Vec<String>) {
        let parts = [
            (&difference.added, "new"),
            (&difference.changed, "changed"),
            (&difference.removed, "gone"),
        ];
        for (names, how) in parts.into_iter().filter(|(names, _)| !names.is_empty()) {
            let s = if names.len() == 1 { "" } else { "s" };
            said.push(format!("{} {what}{s} {how}", names.len()));
        }
    }
    let mut parts = Vec::new();
    one("team", &changes.teams, &mut parts);
    one("cluster", &changes.clusters, &mut parts);
    one("workflow", &changes.workflows, &mut parts);
    if parts.is_empty() {
        "as before".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Says that an engine could not go on.
pub fn stopped(error: EngineError) -> Failure {
    Failure::trouble("the engine stopped").because(error)
}

/// Stops an engine gracefully at ctrl-c, and at once at the second. The flag is set at the first.
pub fn stop_at_interrupt(stopper: Stopper) -> Result<Arc<AtomicBool>, Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&asked);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        stopper.stop();
    })
    .map_err(|error| Failure::trouble("cannot listen to ctrl-c").because(error))?;
    Ok(asked)
}

/// Says what goes on after the engine has stopped.
pub fn farewell(in_flight: usize) {
    match in_flight {
        0 => {}
        1 => progress::line("1 piece of work goes on; the next engine takes it over"),
        more => progress::line(&format!(
            "{more} pieces of work go on; the next engine takes them over"
        )),
    }
}

/// Shows the engine's own log on stderr, warnings or what MURMUR_LOG asks for; and keeps what was
/// decided in the data folder, once an engine has one.
pub fn log() {
    let filter = EnvFilter::try_from_env("MURMUR_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let shown = tracing_subscriber::fmt::layer()
        .with_target(false)
        .without_time()
        .with_writer(LogLine::default)
        .with_filter(filter);
    let kept = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_timer(file::EngineTime)
        .with_writer(file::Lines)
        .with_filter(LevelFilter::INFO);
    // Another subscriber may be there already, in tests.
    let _ = tracing_subscriber::registry()
        .with(shown)
        .with(kept)
        .try_init();
}
