//! Everything that is stored, as values: each committed write is read once, so that invariants
//! need not read the whole table at every step.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use choreography::plan::Plan;
use choreography::scope::Scopes;
use model::alert::{Incident, Root, Symptom, SymptomRef};
use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceKey};
use model::definition::Workflow;
use model::expected::Deadline;
use model::id::{DefinitionHash, OperationId, RunId, SubmissionId};
use model::key::Key;
use model::limit::{LimitRef, Lot, Place, Waiter};
use model::name::TaskName;
use model::operation::Operation;
use model::record::Record;
use model::registry::DefinitionPart;
use model::run::{Generation, Run};
use model::task::{PastAttempt, Task};
use ports::{Body, Write};

/// Numbers kept for the places of one lot; more than it has, so that one too many shows.
const IN_LOT: u32 = 1_000;

/// What is stored, by kind.
#[derive(Default)]
pub struct Mirror {
    pub runs: BTreeMap<RunId, Run>,
    pub tasks: BTreeMap<RunId, BTreeMap<TaskName, Task>>,
    pub generations: BTreeMap<RunId, Vec<Generation>>,
    pub past: BTreeMap<AttemptKey, Task>,
    pub instances: BTreeMap<InstanceKey, Instance>,
    pub places: BTreeMap<LimitRef, BTreeMap<u32, Place>>,
    pub waiters: BTreeMap<Key, Waiter>,
    pub operations: BTreeMap<OperationId, Operation>,
    pub deadlines: BTreeMap<RunId, Deadline>,
    pub incidents: BTreeMap<Root, Incident>,
    pub symptoms: BTreeMap<(Root, SymptomRef), Symptom>,
    definitions: BTreeMap<DefinitionHash, Definition>,
}

struct Definition {
    content: String,
    plan: OnceCell<Option<Rc<Plan>>>,
}

/// A write that changed what is stored, with what was there before.
pub enum Change {
    Task(Option<Task>, Task),
    Run(Option<Run>, Run),
    Instance(Option<Instance>, Instance),
    PlaceTaken(Option<Place>, Place),
    PlaceFreed(Place),
    Waits(Waiter),
    Leaves(Waiter),
    Past(Task),
    Operation(Operation),
    /// Changes nothing that is looked at.
    Other,
}

/// What a write has stored.
pub enum Parsed {
    Task(Task),
    Run(Run),
    Instance(Instance),
    Place(Place),
    Lot(Lot),
    Waiter(Key, Waiter),
    Past(Task),
    Operation(Operation),
    Generation(Generation),
    Deadline(Deadline),
    Incident(Incident),
    Symptom(Symptom),
    Definition(DefinitionPart),
    Delete(Key),
    Other,
}

impl Mirror {
    /// Reads what writes have stored.
    pub fn parse(writes: Vec<Write>) -> Vec<Parsed> {
        writes.into_iter().map(parse).collect()
    }

    /// Takes committed writes over.
    pub fn apply(&mut self, parsed: Vec<Parsed>) -> Vec<Change> {
        let mut changes = Vec::with_capacity(parsed.len());
        for parsed in parsed {
            match parsed {
                Parsed::Lot(lot) => changes.extend(self.apply_lot(&lot)),
                parsed => changes.push(self.apply_one(parsed)),
            }
        }
        changes
    }

    /// Places that lie in a lot are kept like those that are items of their own.
    fn apply_lot(&mut self, lot: &Lot) -> Vec<Change> {
        let of_limit = self.places.entry(lot.limit.clone()).or_default();
        let in_lot = |number: &u32| number / IN_LOT == lot.number;
        let gone = |(number, place): (&u32, &Place)| {
            let gone = in_lot(number) && !lot.holders.contains_key(&place.holder);
            gone.then_some(*number)
        };
        let gone: Vec<u32> = of_limit.iter().filter_map(gone).collect();
        let freed = gone
            .into_iter()
            .filter_map(|number| of_limit.remove(&number));
        let mut changes: Vec<Change> = freed.map(Change::PlaceFreed).collect();
        for (holder, epoch) in &lot.holders {
            let mut inside = of_limit.iter().filter(|(number, _)| in_lot(number));
            if inside.any(|(_, place)| place.holder == *holder) {
                continue;
            }
            let free = (lot.number * IN_LOT..).find(|number| !of_limit.contains_key(number));
            let place = Place {
                limit: lot.limit.clone(),
                number: free.expect("a lot has few places"),
                holder: holder.clone(),
                epoch: *epoch,
                since: lot.since,
                timeout_at: None,
                due_at: None,
            };
            of_limit.insert(place.number, place.clone());
            changes.push(Change::PlaceTaken(None, place));
        }
        changes
    }

    fn apply_one(&mut self, parsed: Parsed) -> Change {
        match parsed {
            Parsed::Task(task) => {
                let of_run = self.tasks.entry(task.run.clone()).or_default();
                let before = of_run.insert(task.task.clone(), task.clone());
                Change::Task(before, task)
            }
            Parsed::Run(run) => {
                let before = self.runs.insert(run.run.clone(), run.clone());
                Change::Run(before, run)
            }
            Parsed::Instance(instance) => {
                let key = instance.instance.clone();
                let before = self.instances.insert(key, instance.clone());
                Change::Instance(before, instance)
            }
            Parsed::Place(place) => {
                let of_limit = self.places.entry(place.limit.clone()).or_default();
                let before = of_limit.insert(place.number, place.clone());
                Change::PlaceTaken(before, place)
            }
            Parsed::Waiter(key, waiter) => {
                self.waiters.insert(key, waiter.clone());
                Change::Waits(waiter)
            }
            Parsed::Past(task) => {
                self.past.insert(task.attempt_key(), task.clone());
                Change::Past(task)
            }
            Parsed::Operation(operation) => {
                let id = operation.request.operation.clone();
                self.operations.insert(id, operation.clone());
                Change::Operation(operation)
            }
            Parsed::Generation(generation) => {
                let all = self.generations.entry(generation.run.clone()).or_default();
                all.retain(|known| {
                    (known.generation, known.part) != (generation.generation, generation.part)
                });
                all.push(generation);
                Change::Other
            }
            Parsed::Deadline(deadline) => {
                self.deadlines.insert(deadline.run.clone(), deadline);
                Change::Other
            }
            Parsed::Incident(incident) => {
                self.incidents.insert(incident.incident.clone(), incident);
                Change::Other
            }
            Parsed::Symptom(symptom) => {
                let key = (symptom.incident.clone(), symptom.symptom.clone());
                self.symptoms.insert(key, symptom);
                Change::Other
            }
            Parsed::Definition(part) => {
                let (content, plan) = (part.content, OnceCell::new());
                let definition = Definition { content, plan };
                self.definitions.entry(part.hash).or_insert(definition);
                Change::Other
            }
            Parsed::Delete(Key::Place(limit, number)) => {
                let of_limit = self.places.get_mut(&limit);
                let gone = of_limit.and_then(|places| places.remove(&number));
                gone.map_or(Change::Other, Change::PlaceFreed)
            }
            Parsed::Delete(key @ Key::Waiter(..)) => {
                let gone = self.waiters.remove(&key);
                gone.map_or(Change::Other, Change::Leaves)
            }
            Parsed::Delete(Key::Deadline(workflow, slot)) => {
                self.deadlines.remove(&RunId::of(&workflow, &slot));
                Change::Other
            }
            Parsed::Lot(_) | Parsed::Delete(_) | Parsed::Other => Change::Other,
        }
    }

    /// One task's item.
    pub fn task(&self, run: &RunId, task: &TaskName) -> Option<&Task> {
        self.tasks.get(run)?.get(task)
    }

    /// Every task's item.
    pub fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().flat_map(BTreeMap::values)
    }

    /// Every place that is held.
    pub fn all_places(&self) -> impl Iterator<Item = &Place> {
        self.places.values().flat_map(BTreeMap::values)
    }

    /// Every place that is held and that anybody counts: one of an instance that has ended may be left
    /// by a submitter that slept through its end and died as it woke.
    pub fn counted_places(&self) -> impl Iterator<Item = &Place> {
        self.all_places().filter(|place| match &place.limit {
            LimitRef::Steps(key) => {
                let instance = self.instances.get(key);
                instance.is_none_or(|instance| !instance.state.is_terminal())
            }
            LimitRef::Pool(_)
            | LimitRef::TeamTasks(_)
            | LimitRef::TeamRuns(_)
            | LimitRef::WorkflowRuns(_)
            | LimitRef::Backfill(_) => true,
        })
    }

    /// How many places of a limit are held.
    pub fn held(&self, limit: &LimitRef) -> usize {
        self.places.get(limit).map_or(0, BTreeMap::len)
    }

    /// In which generation each task of a run last ran.
    pub fn scopes(&self, run: &Run) -> Scopes {
        let opened = self.generations.get(&run.run);
        let joined = Generation::joined(opened.into_iter().flatten().cloned());
        Scopes::of(run, &joined)
    }

    /// The plan of a definition; `None` of what is no workflow.
    pub fn plan(&self, hash: &DefinitionHash) -> Option<Rc<Plan>> {
        let definition = self.definitions.get(hash)?;
        let plan = definition.plan.get_or_init(|| {
            let workflow: Workflow = serde_json::from_str(&definition.content).ok()?;
            Plan::of(workflow).ok().map(Rc::new)
        });
        plan.clone()
    }

    /// Every submission that is or was an attempt.
    pub fn attempts(&self) -> impl Iterator<Item = &SubmissionId> {
        let all = self.past.values().chain(self.all_tasks());
        all.filter_map(|task| task.submission.as_ref())
    }
}

fn parse(write: Write) -> Parsed {
    let item = match write {
        Write::Put { item, .. } => item,
        Write::Delete { key, .. } => return Parsed::Delete(key),
    };
    match item.kind {
        Task::KIND => Parsed::Task(read(&item.body)),
        Run::KIND => Parsed::Run(read(&item.body)),
        Instance::KIND => Parsed::Instance(read(&item.body)),
        Place::KIND => Parsed::Place(read(&item.body)),
        Lot::KIND => Parsed::Lot(read(&item.body)),
        Waiter::KIND => Parsed::Waiter(item.key, read(&item.body)),
        PastAttempt::KIND => Parsed::Past(read::<PastAttempt>(&item.body).attempt),
        Operation::KIND => Parsed::Operation(read(&item.body)),
        Generation::KIND => Parsed::Generation(read(&item.body)),
        Deadline::KIND => Parsed::Deadline(read(&item.body)),
        Incident::KIND => Parsed::Incident(read(&item.body)),
        Symptom::KIND => Parsed::Symptom(read(&item.body)),
        DefinitionPart::KIND => Parsed::Definition(read(&item.body)),
        _ => Parsed::Other,
    }
}

fn read<R: Record>(body: &Body) -> R {
    body.read().expect("what handlers write can be read")
}
