//! Operations from the request to what is stored and sent, whole, again, and from the middle.

mod backfill;
mod cancel;
mod mark;
mod rerun;
mod simple;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::definition::{Workflow, hash_of};
use model::fact::{Fact, FactBody};
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::{Function, Message};
use model::operation::{Operation, OperationKind, OperationRequest, OperationState};
use model::registry::CurrentWorkflow;
use model::run::{Cause, Run, RunState};
use model::task::{Task, TaskState};
use ports::{Body, Delivery, Verdict};
use protocols::{content, facts};
use serde_json::json;
use testkit::{TestPorts, block_on, instant};

use crate::handle;

const NOW: &str = "2026-06-01T12:00:00Z";

/// A workflow `team/<name>` of Batch tasks: name and upstreams.
fn workflow(name: &str, tasks: &[(&str, &[&str])], more: serde_json::Value) -> Workflow {
    let tasks: Vec<_> = tasks
        .iter()
        .map(|(name, after)| {
            json!({
                "name": name,
                "after": after,
                "batch": {"job_definition": "job", "queue": "light"},
            })
        })
        .collect();
    let mut written = json!({"team": "team", "name": name, "timezone": "UTC", "tasks": tasks});
    let more = more.as_object().unwrap().clone();
    written.as_object_mut().unwrap().extend(more);
    serde_json::from_value(written).unwrap()
}

/// `a → b → c`, and `x` beside them.
fn chain() -> Workflow {
    workflow(
        "flow",
        &[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("x", &[])],
        json!({}),
    )
}

fn register(ports: &TestPorts, workflow: &Workflow, downstreams: &[&str]) {
    let hash = hash_of(workflow);
    let text = serde_json::to_string(workflow).unwrap();
    block_on(content::store(ports, &hash, &text)).unwrap();
    ports.store.seed(&CurrentWorkflow {
        workflow: workflow.reference(),
        definition: hash,
        downstreams: downstreams
            .iter()
            .map(|name| name.parse().unwrap())
            .collect(),
        schedule: workflow.schedule.clone(),
        registered_at: instant("2026-01-01T00:00:00Z"),
        removed: false,
    });
}

/// A run of `workflow` for the slot `2026-06-01`, with these tasks as far as they have come.
fn run(
    ports: &TestPorts,
    workflow: &Workflow,
    state: RunState,
    tasks: &[(&str, TaskState)],
) -> Run {
    let slot = Slot::from("2026-06-01");
    let at = instant("2026-06-01T00:15:00Z");
    let run = Run {
        run: RunId::of(&workflow.reference(), &slot),
        team: workflow.team.clone(),
        workflow: workflow.name.clone(),
        slot,
        logical_date: instant("2026-06-01T00:00:00Z"),
        state,
        generation: 1,
        definition: hash_of(workflow),
        definition_since: 1,
        cause: Cause::Schedule { late: false },
        params: Default::default(),
        depth: 0,
        limits: Vec::new(),
        paused: false,
        created_at: at,
        started_at: Some(at),
        ended_at: state.is_terminal().then_some(at),
        reason: None,
        check_at: (!state.is_terminal()).then_some(at),
        slow: None,
    };
    ports.store.seed(&run);
    for (name, state) in tasks {
        ports.store.seed(&task(&run, name, *state));
    }
    run
}

fn task(run: &Run, name: &str, state: TaskState) -> Task {
    let at = instant("2026-06-01T00:20:00Z");
    let outcome = model::task::Outcome::Succeeded;
    let decided = facts::decided(
        run,
        &name.parse().unwrap(),
        run.generation,
        outcome,
        at,
        "test".into(),
    );
    Task {
        state,
        attempt: 1,
        reason: None,
        ended_at: state.outcome().is_some().then_some(at),
        ..decided
    }
}

fn request(id: &str, what: OperationKind) -> Message {
    let at = instant(NOW);
    let (by, why) = ("ann".to_owned(), Some("it was wrong".to_owned()));
    let request = OperationRequest {
        operation: id.into(),
        by,
        why,
        at,
        what,
    };
    let (team, workflow) = ("team".parse().unwrap(), Some("flow".parse().unwrap()));
    Message::Fact(Fact::new(
        team,
        workflow,
        at,
        FactBody::OperationRequested(request),
    ))
}

fn deliver(ports: &TestPorts, message: &Message) -> Verdict {
    let delivery = Delivery {
        message: message.clone(),
        receives: 1,
    };
    let mut verdicts = block_on(handle(ports, vec![delivery]));
    verdicts.pop().unwrap()
}

/// Asks for an operation and returns how it ended.
fn ask(ports: &TestPorts, id: &str, what: OperationKind) -> (OperationState, String) {
    assert_eq!(deliver(ports, &request(id, what)), Verdict::Done);
    ended(ports, id)
}

fn ended(ports: &TestPorts, id: &str) -> (OperationState, String) {
    let operation = ports
        .store
        .peek::<Operation>(&Key::Operation(id.into()))
        .unwrap();
    (operation.state, operation.result.unwrap_or_default())
}

fn refusal(ports: &TestPorts, id: &str, what: OperationKind) -> String {
    let (state, reason) = ask(ports, id, what);
    assert_eq!(state, OperationState::Refused, "{reason}");
    reason
}

/// What was published and sent, each once, as `type subject` and `inbox: what`.
fn told(ports: &TestPorts) -> BTreeSet<String> {
    let published = ports.bus.published().into_iter().map(|fact| short(&fact));
    let sent = ports.bus.sent().into_iter().map(|(inbox, outgoing)| {
        let what = match &outgoing.message {
            Message::Fact(fact) => short(fact),
            Message::Start(start) => format!("start {} {}", start.workflow, start.slot),
            Message::Work(seen) => format!("work {} {:?}", seen.key, seen.state),
            other => format!("{other:?}"),
        };
        format!("{inbox}: {what}")
    });
    published.chain(sent).collect()
}

fn short(fact: &Fact) -> String {
    let kind = fact
        .body
        .type_name()
        .trim_start_matches("murmur.")
        .trim_end_matches(".v1");
    let subject = fact.subject.replace("team--flow--20260601", "RUN");
    let generation = match &fact.body {
        FactBody::TaskReady(task) => format!(" {}-{}", task.generation, task.attempt),
        _ => String::new(),
    };
    format!("{kind} {subject}{generation}")
}

/// Everything that is stored, without versions, which a repetition may raise.
fn items(ports: &TestPorts) -> Vec<(Arc<str>, Arc<str>, Body)> {
    let items = ports.store.items().into_iter();
    items
        .map(|item| (item.partition, item.sort, item.body))
        .collect()
}

/// Delivers a message, and what operate sends itself, until all is done.
fn drive(ports: &TestPorts, message: &Message) {
    let mut pending = vec![message.clone()];
    let mut rounds = 0;
    while let Some(next) = pending.pop() {
        rounds += 1;
        assert!(rounds < 1000, "it never ends");
        match deliver(ports, &next) {
            Verdict::Done => {}
            Verdict::Later(delay) => {
                ports.clock.pass(delay);
                pending.push(next);
            }
            Verdict::Failed(_) => {
                ports.faults.heal();
                pending.push(next);
            }
            Verdict::Poison(reason) => panic!("{reason}"),
        }
        pending.extend(ports.bus.receive(Function::Operate));
    }
}

/// What was told, but for the operation sending itself on: a repeat goes on by itself.
fn effects(ports: &TestPorts) -> BTreeSet<String> {
    let mut told = told(ports);
    told.remove("operate: operation.requested op");
    told
}

/// Ends the world before and after every step of an operation, and checks that delivering it again
/// ends in the same place.
fn crash_everywhere(world: impl Fn() -> TestPorts, what: &OperationKind) {
    let message = request("op", what.clone());
    let whole = world();
    whole.faults.heal();
    drive(&whole, &message);
    let steps = whole.faults.steps();
    assert!(steps > 1);
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let ports = world();
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            drive(&ports, &message);
            assert!(!ports.faults.is_down(), "step {step} was not reached");
            assert_eq!(items(&ports), items(&whole), "step {step} {takes_effect}");
            assert_eq!(
                effects(&ports),
                effects(&whole),
                "step {step} {takes_effect}"
            );
            // And once more, as a duplicate.
            drive(&ports, &message);
            assert_eq!(
                items(&ports),
                items(&whole),
                "a duplicate after step {step}"
            );
        }
    }
}
