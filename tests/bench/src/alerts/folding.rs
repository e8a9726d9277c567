//! Ten thousand tasks that fail with their cluster: one incident, one message.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use channels::Apart;
use choreography::plan::Plan;
use local::{Engine, Functions, Handlers, LocalPorts};
use model::Timestamp;
use model::alert::OpenIncident;
use model::cluster::InstanceKey;
use model::definition::{Workflow, hash_of};
use model::fact::{ClusterFact, Fact, FactBody};
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::{Function, Message};
use model::name::{ClusterRef, TeamName};
use model::run::{Cause, Run, RunState};
use model::task::{FailureClass, Failures, Task, TaskState};
use ports::{Clock as _, Compute, Delivery, EventBus as _, Expect, Outgoing, Ports as _};
use ports::{StateStore as _, TypedStore as _, Verdict, Write};
use serde::{Deserialize, Serialize};
use testkit::flow;

use super::slack::Slack;
use crate::measure::{forget_peak, peak_rss_mb};
use crate::meter::Meter;

const RUNS: usize = 100;
const TASKS: usize = 100;
const CLUSTER: &str = "team/red";
/// How long the look that comes after the first failures is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many items are written at once.
const WRITES: usize = 50;

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Folded {
    pub failures: usize,
    /// Until the last of them was in the incident.
    pub seconds: f64,
    pub peak_rss_mb: f64,
    pub incidents: usize,
    pub messages: usize,
    pub edits: usize,
    /// How long the longest batch of any function took: a look that adds all of them up is one.
    pub look_ms: f64,
}

/// The functions, with how many facts they have handled and how long the longest batch took.
struct Counted {
    inner: Functions<Apart>,
    handled: Cell<usize>,
    longest: Cell<Duration>,
}

impl<C: Compute> Handlers<C> for Counted {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<C>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        let is_fact = |one: &&Delivery| matches!(one.message, Message::Fact(_));
        let facts = batch.iter().filter(is_fact).count();
        let began = Instant::now();
        let verdicts = self.inner.handle(function, ports, batch).await;
        self.longest.set(self.longest.get().max(began.elapsed()));
        if verdicts.iter().all(|verdict| *verdict == Verdict::Done) {
            self.handled.set(self.handled.get() + facts);
        }
        verdicts
    }
}

/// Folds them.
pub fn measure() -> anyhow::Result<Folded> {
    let folder = tempfile::tempdir()?;
    let slack = Slack::start()?;
    let data = super::data(folder.path())?;
    let meter = Meter::new(data.clock());
    let counted = std::rc::Rc::new(Counted {
        inner: super::functions(&slack)?,
        handled: Cell::new(0),
        longest: Cell::default(),
    });
    let mut engine = Engine::new(data, meter, Shared(std::rc::Rc::clone(&counted)));
    let workflow = workflow();
    super::register(&engine, std::slice::from_ref(&workflow))?;
    let facts = engine.call(async |ports| seed(ports, &workflow).await)??;
    let failures = facts.len();
    forget_peak();
    let began = Instant::now();
    engine.call(async |ports| -> anyhow::Result<()> {
        for some in facts.chunks(WRITES) {
            let some = some.iter().cloned().map(Message::Fact);
            let some = some.map(Outgoing::from).collect();
            ports.bus().send(Function::Alert, some).await?;
        }
        Ok(())
    })??;
    engine.run_until(|_| counted.handled.get() >= failures || began.elapsed() > PATIENCE)?;
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(counted.handled.get() == failures, "not all were folded");
    let more = format!("(and {} more)", failures - 1);
    let is_told = || {
        let mut asked = slack.asked();
        asked.any(|one| one.message.contains(&more))
    };
    engine.run_until(|_| is_told() || began.elapsed() > PATIENCE)?;
    anyhow::ensure!(is_told(), "nobody was told of all of them");
    Ok(Folded {
        failures,
        seconds,
        peak_rss_mb: peak_rss_mb(),
        incidents: incidents(&engine)?,
        messages: slack.count("chat.postMessage"),
        edits: slack.count("chat.update"),
        look_ms: counted.longest.get().as_secs_f64() * 1e3,
    })
}

/// Handlers that somebody else looks at, too.
struct Shared(std::rc::Rc<Counted>);

impl<C: Compute> Handlers<C> for Shared {
    async fn handle(
        &self,
        function: Function,
        ports: &LocalPorts<C>,
        batch: Vec<Delivery>,
    ) -> Vec<Verdict> {
        self.0.handle(function, ports, batch).await
    }
}

fn workflow() -> Workflow {
    let width = format!("n={TASKS} on=red");
    flow::workflow(&[("many", &[], &width), ("last", &["many"], "")])
}

/// Stores the runs with their failed tasks; gives the facts that tell of them, the cluster's among
/// them.
async fn seed<C: Compute>(ports: &LocalPorts<C>, workflow: &Workflow) -> anyhow::Result<Vec<Fact>> {
    let plan = Plan::of(workflow.clone())?;
    let now = ports.clock().now();
    let mut facts = Vec::with_capacity(RUNS * TASKS + 1);
    let mut writes = Vec::new();
    for number in 0..RUNS {
        let run = run(workflow, number, now);
        writes.push(Write::put(&run, Expect::Anything));
        for planned in plan.tasks.iter().take(TASKS) {
            let task = task(&run, &planned.name, now)?;
            facts.push(protocols::facts::task(&task).context("it has ended")?);
            writes.push(Write::put(&task, Expect::Anything));
            if writes.len() >= WRITES {
                ports.store().commit(std::mem::take(&mut writes)).await?;
            }
        }
    }
    ports.store().commit(writes).await?;
    facts.insert(TASKS, cluster_failed(now)?);
    Ok(facts)
}

fn run(workflow: &Workflow, number: usize, now: Timestamp) -> Run {
    let slot = Slot::from(format!("slot-{number}").as_str());
    Run {
        run: RunId::of(&workflow.reference(), &slot),
        team: workflow.team.clone(),
        workflow: workflow.name.clone(),
        slot,
        logical_date: now,
        state: RunState::Running,
        generation: 1,
        definition: hash_of(workflow),
        definition_since: 1,
        cause: Cause::Schedule { late: false },
        params: Default::default(),
        depth: 0,
        limits: Vec::new(),
        paused: false,
        created_at: now,
        started_at: Some(now),
        ended_at: None,
        reason: None,
        check_at: None,
        slow: None,
    }
}

fn task(run: &Run, name: &model::name::TaskName, now: Timestamp) -> anyhow::Result<Task> {
    Ok(Task {
        run: run.run.clone(),
        task: name.clone(),
        team: run.team.clone(),
        workflow: run.workflow.clone(),
        state: TaskState::Failed,
        generation: 1,
        attempt: 3,
        failures: Failures::default(),
        epoch: 3,
        claim: None,
        submission: Some("s-1".into()),
        cluster: Some(CLUSTER.parse()?),
        reason: Some("the cluster was terminated: Spot capacity was reclaimed".to_owned()),
        ready_at: now,
        submitted_at: Some(now),
        started_at: Some(now),
        ended_at: Some(now),
        failure: Some(FailureClass::Infrastructure),
        stopping: None,
        due_at: None,
    })
}

fn cluster_failed(now: Timestamp) -> anyhow::Result<Fact> {
    let cluster: ClusterRef = CLUSTER.parse()?;
    let team = cluster.team.clone();
    let body = FactBody::ClusterFailed(ClusterFact {
        cluster: cluster.clone(),
        instance: InstanceKey {
            cluster,
            window_start: now,
            ordinal: 1,
        },
        id: Some("j-1".into()),
        endpoint: None,
        reason: Some("Spot capacity was reclaimed".to_owned()),
        history: None,
    });
    Ok(Fact::new(team, None, now, body))
}

fn incidents(engine: &Engine<Meter, Shared>) -> anyhow::Result<usize> {
    let team: TeamName = "team".parse()?;
    let partition = Key::team_partition(&team);
    let store = engine.ports().store();
    let open = testkit::block_on(store.list::<OpenIncident>(&partition, "open#"))?;
    Ok(open.len())
}
