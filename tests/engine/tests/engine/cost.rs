//! What logs and figures of a task cost on AWS, counted in the bytes that the functions write: the real
//! functions, in batches as Lambda has them, over a compute that does nothing.
//!
//! Prices are list prices of us-east-1, read on 2026-11-20.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use definitions::SourceFile;
use local::compute::NothingCompute;
use local::{Data, Engine, EngineClock, Functions, Handlers, LocalPorts, Options, SharedMeter};
use model::key::Key;
use model::message::{Function, Message, RunRequest};
use model::metric::{Measurement, Metric};
use model::run::{Cause, Run, RunState};
use ports::{Delivery, Meter, TypedStore as _, Unheard, Verdict};
use telemetry::EmfMeter;
use tracing::Instrument as _;
use tracing_subscriber::fmt::MakeWriter;

/// Dollars for each gigabyte of logs: taken in and kept for a month by CloudWatch, streamed and unpacked
/// by Firehose, kept for 400 days in S3 at a tenth of its size.
const PER_GIGABYTE: f64 = 0.50 + 0.03 + 0.029 + 0.003_25 + 0.1 * 0.023 * 13.0;
/// What CloudWatch adds to each line.
const OVERHEAD: usize = 26;
/// What a million task-runs may cost.
const MOST_DOLLARS: f64 = 1.50;
const TASKS: usize = 10;
const RUNS: usize = 20;

type Compute = NothingCompute<EngineClock>;

#[derive(Clone, Default)]
struct Bytes(Arc<AtomicUsize>);

impl Bytes {
    fn add(&self, line: usize) {
        self.0.fetch_add(line + OVERHEAD, Ordering::Relaxed);
    }
}

impl Write for Bytes {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.add(line.len());
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Bytes {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The functions, given so many messages at once; what is measured is written after each batch.
struct Batched {
    functions: Functions<Unheard>,
    batch: usize,
    meters: Arc<PerFunction>,
    figures: Bytes,
}

/// A meter for each function, as each has a process of its own.
struct PerFunction {
    meters: BTreeMap<&'static str, (EmfMeter, AtomicI64)>,
    at_work: Mutex<Function>,
}

impl PerFunction {
    fn new() -> Self {
        let meter = || (EmfMeter::new("murmur", true), AtomicI64::new(0));
        Self {
            meters: Function::ALL.map(|one| (one.name(), meter())).into(),
            at_work: Mutex::new(Function::StartRun),
        }
    }

    /// What a function writes after an invocation; each comes a minute after the one before.
    fn lines(&self, function: Function) -> Vec<String> {
        let (meter, minutes) = &self.meters[function.name()];
        meter.lines((minutes.fetch_add(1, Ordering::Relaxed) + 15) * 60_000)
    }
}

impl Meter for PerFunction {
    fn record(&self, measurement: Measurement) {
        // The engine measures this one before the function is at work.
        let function = match measurement.metric {
            Metric::InboxLag => measurement.labels[0].clone(),
            _ => self.at_work.lock().unwrap().name().to_owned(),
        };
        self.meters[function.as_str()].0.record(measurement);
    }
}

impl Handlers<Compute> for Batched {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<Compute>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for batch in batch.chunks(self.batch) {
            let function_name = format!("murmur-{function}");
            let request_id = "7d1f6b0c-5f0e-4c4e-9a53-0d8b6c1a2f3e";
            let span = tracing::error_span!("invocation", function = function_name, request_id);
            *self.meters.at_work.lock().unwrap() = function;
            let handled = self.functions.handle(function, ports, batch.to_vec());
            verdicts.extend(handled.instrument(span).await);
            for line in self.meters.lines(function) {
                self.figures.add(line.len() + 1);
            }
        }
        verdicts
    }
}

/// Bytes of logs and of figures for each task.
fn bytes_per_task(batch: usize) -> (f64, f64) {
    let (logs, figures) = (Bytes::default(), Bytes::default());
    let as_on_lambda = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(logs.clone())
        .finish();
    tracing::subscriber::with_default(as_on_lambda, || run(batch, &figures));
    let tasks = (TASKS * RUNS) as f64;
    let per_task = |bytes: &Bytes| bytes.0.load(Ordering::Relaxed) as f64 / tasks;
    (per_task(&logs), per_task(&figures))
}

fn run(batch: usize, figures: &Bytes) {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::open(folder.path(), Options::default()).unwrap();
    let compute = NothingCompute::new(data.clock());
    let meters = Arc::new(PerFunction::new());
    let functions = Batched {
        functions: Functions::default(),
        batch,
        meters: Arc::clone(&meters),
        figures: figures.clone(),
    };
    let mut engine = Engine::new(data, compute, functions);
    let shared: SharedMeter = meters;
    engine.measure(&shared);
    let tasks = (0..TASKS).map(|number| {
        let after = number.checked_sub(1).map(|before| format!("    after: [aggregate-{before}]\n"));
        format!(
            "  aggregate-{number}:\n{}    batch: {{ job_definition: any, queue: light, command: [work] }}\n",
            after.unwrap_or_default()
        )
    });
    let workflow = format!("tasks:\n{}", tasks.collect::<String>());
    let files = [
        SourceFile::new("events/weather/team.yaml", "description: Observations\n"),
        SourceFile::new("events/weather/workflows/daily_report.yaml", workflow),
    ];
    let registered = engine.call(async |ports| register_definitions::register(ports, &files).await);
    registered.unwrap().unwrap();
    figures.0.store(0, Ordering::Relaxed);
    let workflow: model::name::WorkflowRef = "weather/daily_report".parse().unwrap();
    let slots = (0..RUNS).map(|day| format!("2026-03-01t0515{day:02}z"));
    let mut runs = Vec::new();
    for slot in slots {
        let request = RunRequest {
            workflow: workflow.clone(),
            slot: slot.as_str().into(),
            logical_date: model::Timestamp::UNIX_EPOCH,
            cause: Cause::Schedule { late: false },
            params: Default::default(),
            depth: 0,
            limits: Vec::new(),
            waiting_since: None,
        };
        runs.push(model::id::RunId::of(&workflow, &slot.as_str().into()));
        let start = Message::Start(request).into();
        engine.send(Function::StartRun, start).unwrap();
    }
    let ended = |engine: &Engine<Compute, Batched>, run: &model::id::RunId| {
        let key = Key::Run(run.clone());
        let read = ports::Ports::store(engine.ports());
        let run = pollster::block_on(read.get::<Run>(&key)).unwrap();
        run.is_some_and(|run| run.value.state == RunState::Succeeded)
    };
    engine
        .run_until(|engine| runs.iter().all(|run| ended(engine, run)))
        .unwrap();
}

#[test]
fn a_million_task_runs_log_and_measure_for_little() {
    for batch in [1, 10] {
        let (logs, figures) = bytes_per_task(batch);
        let dollars = (logs + figures) * 1e6 / 1e9 * PER_GIGABYTE;
        println!(
            "batches of {batch}: {logs:.0} bytes of logs and {figures:.0} of figures for a task, {dollars:.2} dollars for a million"
        );
        assert!(logs > 500.0 && figures > 20.0, "it is not counted");
        assert!(dollars < MOST_DOLLARS, "{dollars} dollars");
    }
}
