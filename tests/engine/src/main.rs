//! The engine as a process of its own, so that tests can kill it: murmur's functions, its database
//! and its processes, without the command line's manners.
//!
//! `engine-under-test FOLDER [skip-from INSTANT]` works on a folder with `events/`, `local.json`
//! and `data/`. It writes `ready` there once the definitions are registered, and to `metrics` where its
//! figures are fetched. A file `jump` with a
//! number of seconds moves its clock ahead, as when a machine wakes up; `cluster-to-kill` with an
//! EMR cluster's id pulls that cluster's plug.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use local::SharedMeter;
use local::compute::{LocalConfiguration, ProcessCompute, SUPERVISE_VERB, supervise};
use local::{ClockMode, Data, Endpoint, Engine, EngineClock, Functions, Meters, Options};
use model::units::Seconds;
use ports::Unheard;
use register_definitions::Refused;

type TestedEngine = Engine<ProcessCompute<EngineClock>, Functions<Unheard>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    let result = if first == OsStr::new(SUPERVISE_VERB) {
        let directory = PathBuf::from(arguments.next().unwrap_or_default());
        supervise(&directory).map_err(anyhow::Error::from)
    } else {
        let words: Vec<String> = arguments
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        run(Path::new(&first), &words)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, clock: &[String]) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .init();
    let clock = match clock {
        [] => ClockMode::Real,
        [mode, start] if mode == "skip-from" => ClockMode::Skip {
            start: start.parse()?,
        },
        other => bail!("unknown arguments: {other:?}"),
    };
    let options = Options {
        clock,
        ..Options::default()
    };
    let data = Data::open(&folder.join("data"), options)?;
    let clock = data.clock();
    let compute = ProcessCompute::open(data.folder(), configuration(folder)?, data.clock())?;
    let mut engine = Engine::new(data, compute, Functions::<Unheard>::default());
    let meters = Arc::new(Meters::new());
    let shared: SharedMeter = Arc::clone(&meters) as SharedMeter;
    engine.measure(&shared);
    let endpoint = Endpoint::open(0, meters)?;
    fs::write(folder.join("metrics"), endpoint.address().to_string())?;
    register(&engine, folder)?;
    fs::write(folder.join("ready"), "")?;
    engine.run_until(|engine| {
        obey(engine, &clock, folder);
        false
    })?;
    Ok(())
}

fn configuration(folder: &Path) -> anyhow::Result<LocalConfiguration> {
    let text = fs::read_to_string(folder.join("local.json"))?;
    let configuration: LocalConfiguration = serde_json::from_str(&text).context("local.json")?;
    Ok(configuration.relative_to(folder))
}

fn register(engine: &TestedEngine, folder: &Path) -> anyhow::Result<()> {
    let files = definitions::read_folder(&folder.join("events"))?;
    let registered =
        engine.call(async |ports| register_definitions::register(ports, &files).await)?;
    if let Err(Refused::Broken { diagnostics }) = &registered {
        eprint!("{}", definitions::render(diagnostics, &files, false));
    }
    registered?;
    Ok(())
}

/// Does what a test asks for with a file.
fn obey(engine: &TestedEngine, clock: &EngineClock, folder: &Path) {
    if let Some(seconds) = taken(&folder.join("jump")).and_then(|text| text.parse().ok()) {
        clock.jump(Seconds(seconds).after(engine.now()));
    }
    if let Some(id) = taken(&folder.join("cluster-to-kill")) {
        let killed = engine
            .compute()
            .kill_cluster(&id.as_str().into(), "power cut");
        if let Err(error) = killed.map_err(anyhow::Error::from).and_then(|up| {
            ensure!(up, "{id} is not up");
            Ok(())
        }) {
            eprintln!("error: {error:#}");
        }
    }
}

fn taken(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    fs::remove_file(path).ok()?;
    Some(text)
}
