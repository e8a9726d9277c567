//! What another process sees of an engine's data, and what it asks for.

use std::collections::BTreeMap;

use local::{Guest, Reader};
use model::cluster::Instance;
use model::fact::{Fact, FactBody};
use model::id::{OperationId, RunId, Slot};
use model::key::Key;
use model::message::{Function, Message};
use model::name::{ClusterRef, WorkflowRef};
use model::operation::{Operation, OperationKind, OperationRequest, OperationState};
use model::run::{Run, RunState};
use model::task::{PastAttempt, Task, TaskState};
use ports::{EventBus as _, Outgoing, StateStore as _, TypedStore as _};

use crate::scene::Scene;

/// A run of `weather/<workflow>` by hand.
pub fn run_id(workflow: &str, slot: &str) -> RunId {
    RunId::of(&reference(workflow), &Slot::from(slot))
}

fn reference(workflow: &str) -> WorkflowRef {
    format!("weather/{workflow}").parse().unwrap()
}

impl Scene {
    pub fn reader(&self) -> Reader {
        Reader::open(&self.data()).unwrap()
    }

    /// Asks for an operation as the command line does: as a fact in operate's inbox.
    pub fn ask(&self, what: OperationKind) -> OperationId {
        // Unique in this folder: how many were asked for before, in a file, one line each.
        let number = self.lines("asked").len();
        let operation = OperationId::from(format!("operation-{number}"));
        self.write("asked", format!("{}{operation}\n", self.read("asked")));
        let request = OperationRequest {
            operation: operation.clone(),
            by: "tester".into(),
            why: None,
            at: "2026-03-01T00:00:00Z".parse().unwrap(),
            what,
        };
        let at = request.at;
        let body = FactBody::OperationRequested(request);
        let fact = Fact::new("weather".parse().unwrap(), None, at, body);
        self.send(Function::Operate, Message::Fact(fact));
        operation
    }

    pub fn send(&self, inbox: Function, message: Message) {
        let guest = Guest::open(&self.data()).unwrap();
        pollster::block_on(guest.send(inbox, vec![Outgoing::from(message)])).unwrap();
    }

    /// Asks, and waits until it was done; what was done.
    pub fn done(&self, what: OperationKind) -> String {
        let operation = self.ask(what);
        let mut result = String::new();
        self.wait_for(&format!("{operation} is carried out"), || {
            let key = Key::Operation(operation.clone());
            let stored = pollster::block_on(self.reader().store().get::<Operation>(&key)).unwrap();
            let Some(stored) = stored.map(|stored| stored.value) else {
                return false;
            };
            result = stored.result.unwrap_or_default();
            match stored.state {
                OperationState::Accepted => false,
                OperationState::Done => true,
                OperationState::Refused => panic!("refused: {result}"),
            }
        });
        result
    }

    /// Starts a run by hand.
    pub fn start_run(&self, workflow: &str, slot: &str) -> RunId {
        self.ask(OperationKind::Start {
            workflow: reference(workflow),
            slot: Some(Slot::from(slot)),
            logical_date: None,
            params: BTreeMap::new(),
        });
        run_id(workflow, slot)
    }

    pub fn run(&self, run: &RunId) -> Option<Run> {
        let key = Key::Run(run.clone());
        let stored = pollster::block_on(self.reader().store().get::<Run>(&key)).unwrap();
        stored.map(|stored| stored.value)
    }

    /// The tasks of a run by name.
    pub fn tasks(&self, run: &RunId) -> BTreeMap<String, Task> {
        let reader = self.reader();
        let partition = Key::run_partition(run);
        let tasks = pollster::block_on(reader.store().list::<Task>(&partition, "task#")).unwrap();
        tasks
            .into_iter()
            .map(|task| (task.value.task.to_string(), task.value))
            .collect()
    }

    pub fn task(&self, run: &RunId, task: &str) -> Task {
        let mut tasks = self.tasks(run);
        tasks
            .remove(task)
            .unwrap_or_else(|| panic!("{run} has no {task} yet"))
    }

    /// Attempts that ended and were followed by another, oldest first.
    pub fn past(&self, run: &RunId) -> Vec<Task> {
        let reader = self.reader();
        let partition = Key::run_partition(run);
        let past = pollster::block_on(reader.store().list::<PastAttempt>(&partition, "past#"));
        let past = past.unwrap().into_iter();
        past.map(|past| past.value.attempt).collect()
    }

    pub fn instances(&self, cluster: &str) -> Vec<Instance> {
        let cluster: ClusterRef = format!("weather/{cluster}").parse().unwrap();
        let partition = Key::cluster_partition(&cluster);
        let reader = self.reader();
        let instances =
            pollster::block_on(reader.store().list::<Instance>(&partition, "instance#"));
        let instances = instances.unwrap().into_iter();
        instances.map(|instance| instance.value).collect()
    }

    /// Every run of a workflow, newest first.
    pub fn runs(&self, workflow: &str) -> Vec<Run> {
        self.runs_of(&reference(workflow))
    }

    /// Every run of any team's workflow, newest first.
    pub fn runs_of(&self, workflow: &WorkflowRef) -> Vec<Run> {
        let reader = self.reader();
        let runs = pollster::block_on(reader.store().runs_of(
            workflow,
            model::Timestamp::MIN,
            model::Timestamp::MAX,
            10_000,
        ));
        let runs = runs.unwrap().into_iter();
        runs.map(|run| run.read::<Run>().unwrap().value).collect()
    }

    pub fn wait_for_task(&self, run: &RunId, task: &str, state: TaskState) -> Task {
        self.wait_for(&format!("{task} of {run} is {state:?}"), || {
            let tasks = self.tasks(run);
            tasks.get(task).is_some_and(|task| task.state == state)
        });
        self.task(run, task)
    }

    /// Waits until a run has ended, watching that no state ever goes back.
    pub fn end_of(&self, run: &RunId) -> Run {
        let mut watch = Watch::default();
        self.wait_for(&format!("{run} has ended"), || watch.look(self, run));
        self.no_dead_letters();
        self.run(run).unwrap()
    }

    /// Waits until a run has ended so.
    pub fn ends(&self, run: &RunId, state: RunState) {
        let ended = self.end_of(run);
        let shown = || (ended.reason.clone(), self.tasks(run), self.log());
        assert_eq!(ended.state, state, "{:#?}", shown());
    }

    pub fn no_dead_letters(&self) {
        let letters = self.reader().dead_letters(10).unwrap();
        assert_eq!(letters, [], "\n{}", self.log());
    }
}

impl Scene {
    /// No place of a limit was ever left behind for reconcile to find an hour later. Those of open
    /// steps are compared every two minutes, and may be found before the step's own event.
    pub fn no_place_was_left_over(&self) {
        let log = self.read("engine.log");
        let left: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("freeing a left-over place"))
            .filter(|line| !line.contains("limit=steps/"))
            .collect();
        assert!(left.is_empty(), "{left:#?}");
    }
}

/// Remembers states across engines: they only move forward (rule 6).
#[derive(Default)]
pub struct Watch {
    ranks: BTreeMap<String, (TaskState, u8)>,
    ended: BTreeMap<(RunId, u32), RunState>,
}

impl Watch {
    /// Looks at a run; says whether it has ended.
    pub fn look(&mut self, scene: &Scene, run: &RunId) -> bool {
        for (_, task) in scene.tasks(run) {
            let key = task.attempt_key().to_string();
            let rank = task.state.rank();
            let (before, highest) = *self.ranks.get(&key).unwrap_or(&(task.state, rank));
            // A claim is given back when the service throttles; what the service has is not.
            let given_back = before == TaskState::Claimed && rank == 0;
            assert!(
                rank >= highest || given_back,
                "{key} went from {before:?} to {:?}",
                task.state
            );
            assert!(
                before.outcome().is_none() || before == task.state,
                "{key} went from {before:?} to {:?}",
                task.state
            );
            self.ranks.insert(key, (task.state, rank));
        }
        let Some(seen) = scene.run(run) else {
            return false;
        };
        let pass = (run.clone(), seen.generation);
        if let Some(ended) = self.ended.get(&pass) {
            assert_eq!(*ended, seen.state, "{run} had ended");
        }
        if seen.state.is_terminal() {
            self.ended.insert(pass, seen.state);
        }
        seen.state.is_terminal()
    }
}
