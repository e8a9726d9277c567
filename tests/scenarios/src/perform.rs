//! Makes a step happen and tells what followed.

use std::fs;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use choreography::pattern::Pattern;
use model::Timestamp;
use model::expected::ScheduleRef;
use model::fact::{Fact, FactBody};
use model::id::OperationId;
use model::message::{Function, MatchedEvent, Message, Tick};
use model::name::{Name, TeamName, WorkflowRef};
use model::observation::{ClusterObservation, WorkState};
use model::operation::{OperationKind, OperationRequest, PauseTarget};
use model::run::Run;
use testkit::block_on;

use crate::script::{Asked, Step, TickStep};
use crate::select;
use crate::world::World;

/// Performs a step until all is quiet.
pub fn perform(world: &mut World, step: Step) -> Result<Vec<String>> {
    match step {
        Step::At(now) => at(world, now),
        Step::Pass { time, sweeping } => world.pass(time, sweeping),
        Step::Sweep => world.send(Function::Reconcile, vec![Message::Sweep]),
        Step::Register(folder) => register(world, &folder),
        Step::Tick(step) => tick(world, step),
        Step::Event(file) => event(world, &file),
        Step::Operation { id, by, what } => operation(world, &id, by, *what),
        Step::Work {
            tasks,
            state,
            reason,
            told,
        } => work(world, &tasks, state, reason.as_deref(), told),
        Step::Stray { tasks, state } => stray(world, &tasks, state),
        Step::Cluster {
            cluster,
            state,
            reason,
            told,
        } => {
            let id = select::instance(world, &cluster)?.id;
            let seen = world
                .ports
                .compute
                .set_cluster(&id, state, reason.as_deref());
            let described = Message::Cluster(ClusterObservation {
                endpoint: None,
                ..seen
            });
            let messages = if told { vec![described] } else { Vec::new() };
            world.send(Function::RecordCluster, messages)
        }
        Step::Settle { told } => settle(world, told),
        Step::Answer { to, answer } => {
            world.scripted = true;
            match to {
                Asked::Submissions => world.ports.compute.answer_submissions([answer]),
                Asked::Requests => world.ports.compute.answer_requests([answer]),
            }
            Ok(Vec::new())
        }
        Step::Drop(fact_type) => {
            world.drops.push(format!("murmur.{fact_type}.v1"));
            Ok(Vec::new())
        }
        Step::Duplicate => world.duplicate(),
    }
}

fn at(world: &mut World, now: Timestamp) -> Result<Vec<String>> {
    world.set_now(now);
    if world.definitions.teams.is_empty() {
        register(world, "events")
    } else {
        world.quiet()
    }
}

fn register(world: &mut World, folder: &str) -> Result<Vec<String>> {
    let path = world.folder.join(folder);
    let mut files = definitions::read_folder(&path)?;
    for file in &mut files {
        let inside = file.path.split_once(&format!("/{folder}/"));
        file.path = format!(
            "{folder}/{}",
            inside.context("files lie in their folder")?.1
        );
    }
    let checked = definitions::check(&files, world.now());
    let Some(definitions) = checked.definitions else {
        bail!(
            "{}",
            definitions::render(&checked.diagnostics, &files, false)
        );
    };
    block_on(register_definitions::apply(&world.ports, &definitions))?;
    world.definitions = definitions;
    world.quiet()
}

fn tick(world: &mut World, step: TickStep) -> Result<Vec<String>> {
    let tick = Tick {
        scheduled_time: step.scheduled_time.unwrap_or(world.told_now),
        schedule: step.schedule,
        late: step.late,
        skip: step.skip,
    };
    let inbox = match &tick.schedule {
        ScheduleRef::Workflow(_) => Function::StartRun,
        ScheduleRef::Provision(_) => Function::ProvisionCluster,
        ScheduleRef::Terminate(_) => Function::TerminateCluster,
        ScheduleRef::Upstreams(_) => bail!("nothing fires for upstreams"),
    };
    world.send(inbox, vec![Message::Tick(tick)])
}

/// Does what the event bus does: asks every pattern of every workflow.
fn event(world: &mut World, file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(world.folder.join(file)).with_context(|| file.to_owned())?;
    let event: serde_json::Value = serde_json::from_str(&text)?;
    let mut messages = Vec::new();
    for (workflow, definition) in &world.definitions.workflows {
        for (trigger, wanted) in definition.events.iter().enumerate() {
            let pattern = Pattern::parse(&wanted.pattern).map_err(|error| anyhow!("{error}"))?;
            if pattern.matches(&event) {
                let (workflow, event) = (workflow.clone(), event.clone());
                messages.push(Message::Event(MatchedEvent {
                    workflow,
                    trigger,
                    event,
                }));
            }
        }
    }
    if messages.is_empty() {
        return Ok(vec!["matches nothing".to_owned()]);
    }
    world.send(Function::StartRun, messages)
}

fn operation(world: &mut World, id: &str, by: String, what: OperationKind) -> Result<Vec<String>> {
    let now = world.now();
    let (team, workflow) = owner(world, &what)?;
    let operation = OperationId::from(id);
    let request = OperationRequest {
        operation,
        by,
        why: None,
        at: now,
        what,
    };
    let fact = Fact::new(team, workflow, now, FactBody::OperationRequested(request));
    world.send(Function::Operate, vec![Message::Fact(fact)])
}

/// The team and workflow an operation is about.
fn owner(world: &World, what: &OperationKind) -> Result<(TeamName, Option<Name>)> {
    let of = |workflow: &WorkflowRef| (workflow.team.clone(), Some(workflow.name.clone()));
    let run = match what {
        OperationKind::Start { workflow, .. }
        | OperationKind::Backfill { workflow, .. }
        | OperationKind::Pause {
            target: PauseTarget::Workflow(workflow),
        }
        | OperationKind::Resume {
            target: PauseTarget::Workflow(workflow),
        } => {
            return Ok(of(workflow));
        }
        OperationKind::Rerun { run, .. }
        | OperationKind::Cancel { run, .. }
        | OperationKind::Mark { run, .. }
        | OperationKind::Pause {
            target: PauseTarget::Run(run),
        }
        | OperationKind::Resume {
            target: PauseTarget::Run(run),
        } => run,
    };
    let runs = world.ports.store.all::<Run>();
    let run = runs.iter().find(|known| known.run == *run);
    Ok(of(&run
        .with_context(|| "there is no such run")?
        .workflow_ref()))
}

fn work(
    world: &mut World,
    tasks: &str,
    state: WorkState,
    reason: Option<&str>,
    told: bool,
) -> Result<Vec<String>> {
    let open = select::open_work(world, tasks)?;
    let seen = open.iter().map(|work| {
        world
            .ports
            .compute
            .set_work(&work.submission, state, reason)
    });
    let messages: Vec<Message> = seen.map(Message::Work).collect();
    world.send(
        Function::ObserveTask,
        if told { messages } else { Vec::new() },
    )
}

/// Adds work beside what is open, under the same key.
fn stray(world: &mut World, tasks: &str, state: WorkState) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    for mut work in select::open_work(world, tasks)? {
        work.submission = format!("{}-stray", work.submission).into();
        work.state = state;
        work.at = world.now();
        world.ports.compute.add_work(work.clone());
        messages.push(Message::Work(work));
    }
    world.send(Function::ObserveTask, messages)
}

/// Lets what was asked for happen. As on EMR, events of clusters bear no endpoint.
fn settle(world: &mut World, told: bool) -> Result<Vec<String>> {
    let (clusters, work) = world.ports.compute.settle();
    ensure!(
        !clusters.is_empty() || !work.is_empty(),
        "nothing was asked of the service"
    );
    if !told {
        return Ok(Vec::new());
    }
    let clusters = clusters.into_iter().map(|mut seen| {
        seen.endpoint = None;
        Message::Cluster(seen)
    });
    let mut told = world.send(Function::RecordCluster, clusters.collect())?;
    let work = work.into_iter().map(Message::Work);
    told.extend(world.send(Function::ObserveTask, work.collect())?);
    Ok(told)
}
