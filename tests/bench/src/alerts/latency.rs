//! From the compute's word that work has failed until a channel has the message.
//!
//! Each failure is of a team of its own: a channel takes a message a second, and what is more than
//! that is folded, which is not what is measured here.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use channels::Apart;
use local::{Engine, Functions};
use model::Timestamp;
use model::definition::Workflow;
use model::id::{RunId, Slot};
use model::message::{Function, Message, RunRequest};
use model::run::Cause;
use serde::{Deserialize, Serialize};
use testkit::flow;

use super::slack::Slack;
use crate::measure::percentile;
use crate::meter::Meter;

/// How many failures of each kind, and so teams.
const TEAMS: usize = 200;
/// How many of them fail at the same time.
const WAVES: [(&str, usize); 3] = [
    ("one after the other", 1),
    ("10 at a time", 10),
    ("200 at once", TEAMS),
];
/// How long is waited for messages.
const PATIENCE: Duration = Duration::from_secs(60);

/// How soon failures were told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    pub name: String,
    pub failures: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub most_ms: f64,
}

/// Lets work of every team fail: one after the other, ten at a time, and all at once.
pub fn measure() -> anyhow::Result<Vec<Told>> {
    let folder = tempfile::tempdir()?;
    let slack = Slack::start()?;
    let data = super::data(folder.path())?;
    let meter = Meter::failing(data.clock());
    let mut engine = Engine::new(data, meter, super::functions(&slack)?);
    let workflows: Vec<Workflow> = (0..TEAMS * WAVES.len()).map(workflow).collect();
    super::register(&engine, &workflows)?;
    let mut all = Vec::new();
    for ((name, wave), workflows) in WAVES.into_iter().zip(workflows.chunks(TEAMS)) {
        all.push(told(&mut engine, &slack, workflows, name, wave)?);
    }
    Ok(all)
}

fn workflow(number: usize) -> Workflow {
    Workflow {
        team: format!("team{number}").parse().expect("a name"),
        ..flow::workflow(&[("clean", &[], ""), ("load", &["clean"], "")])
    }
}

fn told(
    engine: &mut Engine<Meter, Functions<Apart>>,
    slack: &Slack,
    workflows: &[Workflow],
    name: &str,
    wave: usize,
) -> anyhow::Result<Told> {
    let slot = Slot::from(name.replace(' ', "-").as_str());
    engine.compute().note(true);
    let before = slack.count("chat.postMessage");
    for (number, some) in workflows.chunks(wave).enumerate() {
        for workflow in some {
            let request = request(workflow, &slot);
            engine.send(Function::StartRun, Message::Start(request).into())?;
        }
        let wanted = before + (number * wave) + some.len();
        let began = Instant::now();
        engine.run_until(|_| {
            slack.count("chat.postMessage") >= wanted || began.elapsed() > PATIENCE
        })?;
    }
    let asked: Vec<_> = slack.asked().collect();
    let failed = engine.compute().ended.borrow();
    let mut took = Vec::with_capacity(failed.len());
    for (key, at) in failed.iter() {
        let about = |run: &RunId, message: &str| message.contains(run.as_str());
        let first = asked.iter().find(|one| about(&key.run, &one.message));
        let first = first.with_context(|| format!("nobody was told of {}", key.run))?;
        took.push(first.at.saturating_duration_since(*at));
    }
    anyhow::ensure!(took.len() == TEAMS, "{} failures in {name}", took.len());
    took.sort_unstable();
    Ok(Told {
        name: name.to_owned(),
        failures: took.len(),
        p50_ms: percentile(&took, 50),
        p99_ms: percentile(&took, 99),
        most_ms: percentile(&took, 100),
    })
}

fn request(workflow: &Workflow, slot: &Slot) -> RunRequest {
    RunRequest {
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
    }
}
