//! One shape, measured: runs are started one after another until the time is over.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use choreography::plan::Plan;
use local::{ClockMode, Data, Durability, Engine, Functions, Options, Statistics};
use model::Timestamp;
use model::definition::{Workflow, hash_of};
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::{Function, Message, RunRequest};
use model::name::TaskName;
use model::registry::CurrentWorkflow;
use model::run::{Cause, Run, RunState};
use ports::Unheard;
use ports::{Clock as _, Expect, Ports as _, StateStore as _, TypedStore as _, Write};

use crate::meter::{Event, Meter};
use crate::report::Row;
use crate::shapes::Shape;

type BenchEngine = Engine<Meter, Functions<Unheard>>;

/// Runs a shape at least once, and again until the time is over.
pub fn shape(shape: &Shape, durability: Durability, time: Duration) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let options = Options {
        durability,
        clock: ClockMode::Real,
    };
    let data = Data::open(folder.path(), options)?;
    let meter = Meter::new(data.clock());
    let mut engine = Engine::new(data, meter, Functions::<Unheard>::default());
    let workflows = register(&engine, shape)?;
    let plan = Plan::of((shape.make)())?;
    let tasks_per_round = plan.tasks.len() * shape.workflows;

    one_round(&mut engine, &workflows, "warm-up")?;
    let before = engine.statistics();
    let (cpu_before, started) = (cpu_seconds(), Instant::now());
    let mut makespans = Vec::new();
    let mut latencies = Vec::new();
    while started.elapsed() < time || makespans.is_empty() {
        engine.compute().note(true);
        let round = Instant::now();
        one_round(
            &mut engine,
            &workflows,
            &format!("round-{}", makespans.len()),
        )?;
        makespans.push(round.elapsed());
        if latencies.len() < 1_000_000 {
            let meter = engine.compute();
            collect(
                &plan,
                &meter.submitted.borrow(),
                &meter.ended.borrow(),
                &mut latencies,
            );
        }
        engine.compute().note(false);
    }
    let cpu_s = cpu_seconds() - cpu_before;
    let busy: Duration = makespans.iter().sum();
    let done = engine.statistics();
    let rounds = makespans.len();
    makespans.sort_unstable();
    latencies.sort_unstable();
    let tasks = tasks_per_round * rounds;
    let each =
        |count: fn(&Statistics) -> u64| (count(&done) - count(&before)) as f64 / tasks as f64;
    Ok(Row {
        shape: shape.name.to_owned(),
        synchronous: if durability == Durability::Process {
            "normal"
        } else {
            "full"
        }
        .to_owned(),
        tasks: tasks_per_round,
        rounds,
        makespan_ms: makespans[rounds / 2].as_secs_f64() * 1e3,
        tasks_per_s: tasks as f64 / busy.as_secs_f64(),
        latency_p50_ms: percentile(&latencies, 50),
        latency_p99_ms: percentile(&latencies, 99),
        cpu_s,
        peak_rss_mb: peak_rss_mb(),
        store_operations_per_task: each(Statistics::store_operations),
        items_written_per_task: each(|statistics| statistics.items_written),
        body_bytes_per_task: each(|statistics| statistics.body_bytes),
        messages_per_task: each(|statistics| statistics.messages),
        inbox_rows_per_task: each(|statistics| statistics.inbox_rows),
        commits_per_task: each(|statistics| statistics.commits),
        syncs_per_task: each(|statistics| statistics.syncs),
        disk_bytes_per_task: each(|statistics| statistics.disk_bytes),
    })
}

/// Stores the definitions as register-definitions would.
fn register(engine: &BenchEngine, shape: &Shape) -> anyhow::Result<Vec<Workflow>> {
    let workflows: Vec<Workflow> = (0..shape.workflows)
        .map(|number| {
            let mut workflow = (shape.make)();
            workflow.name = format!("flow{number}").parse().expect("a name");
            workflow
        })
        .collect();
    engine.call(async |ports| -> anyhow::Result<()> {
        for workflow in &workflows {
            let hash = hash_of(workflow);
            protocols::content::store(ports, &hash, &serde_json::to_string(workflow)?).await?;
            let current = CurrentWorkflow {
                workflow: workflow.reference(),
                definition: hash,
                downstreams: Default::default(),
                schedule: None,
                registered_at: ports.clock().now(),
                removed: false,
            };
            ports
                .store()
                .commit(vec![Write::put(&current, Expect::Anything)])
                .await?;
        }
        Ok(())
    })??;
    Ok(workflows)
}

/// Starts one run of each workflow and lets the engine work until all have succeeded.
fn one_round(engine: &mut BenchEngine, workflows: &[Workflow], slot: &str) -> anyhow::Result<()> {
    let slot = Slot::from(slot);
    let mut waiting: Vec<RunId> = Vec::with_capacity(workflows.len());
    for workflow in workflows {
        let request = RunRequest {
            workflow: workflow.reference(),
            slot: slot.clone(),
            logical_date: Timestamp::UNIX_EPOCH,
            cause: Cause::Manual {
                operation: slot.as_str().into(),
                by: "bench".to_owned(),
            },
            params: Default::default(),
            depth: 0,
            limits: Vec::new(),
            waiting_since: None,
        };
        waiting.push(RunId::of(&workflow.reference(), &slot));
        engine.send(Function::StartRun, Message::Start(request).into())?;
    }
    let mut failed = None;
    engine.run_until(|engine| {
        while let Some(run) = waiting.last() {
            match state(engine, run) {
                Some(RunState::Succeeded) => waiting.pop(),
                Some(RunState::Waiting | RunState::Running) | None => return false,
                Some(other) => {
                    failed = Some((run.clone(), other));
                    return true;
                }
            };
        }
        true
    })?;
    match failed {
        None => Ok(()),
        Some((run, state)) => anyhow::bail!("{run} is {state:?}"),
    }
}

fn state(engine: &BenchEngine, run: &RunId) -> Option<RunState> {
    let key = Key::Run(run.clone());
    testkit::block_on(engine.ports().store().get::<Run>(&key))
        .ok()
        .flatten()
        .map(|run| run.value.state)
}

/// From the end of each task's last upstream, as it was told, to the task's submission.
fn collect(plan: &Plan, submitted: &[Event], ended: &[Event], latencies: &mut Vec<Duration>) {
    let ends: HashMap<(&RunId, &TaskName), Instant> = ended
        .iter()
        .map(|(key, at)| ((&key.run, &key.task), *at))
        .collect();
    let mut last_of_join: HashMap<(&RunId, u32), Option<Instant>> = HashMap::new();
    for (key, at) in submitted {
        let Some(position) = plan.position(&key.task) else {
            continue;
        };
        let Some(join) = plan.task(position).join else {
            continue;
        };
        let last = last_of_join.entry((&key.run, join)).or_insert_with(|| {
            let upstreams = plan.join(join).upstreams.iter();
            upstreams
                .filter_map(|up| ends.get(&(&key.run, &plan.task(*up).name)))
                .max()
                .copied()
        });
        latencies.extend(last.map(|last| at.saturating_duration_since(last)));
    }
}

/// The duration below which so many percent are, in milliseconds; 0 of none.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let position = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(position)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

fn cpu_seconds() -> f64 {
    let times = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    times.tv_sec as f64 + times.tv_nsec as f64 / 1e9
}

/// Lets the most memory be that from now on, where Linux counts it.
pub fn forget_peak() {
    // Where it cannot be forgotten it is more than it should be, and never less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this process ever had resident, as Linux counts it; 0 elsewhere.
pub fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    kilobytes
        .and_then(|number| number.trim().parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
