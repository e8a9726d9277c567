//! What is true of every single effect, whenever it comes: facts are byte-identical, states only
//! move forward, no limit is exceeded, no task has two attempts alive. Decides which calls fail.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::fact::Fact;
use model::id::{EventId, SubmissionId};
use model::key::Key;
use model::limit::{LimitRef, Place};
use model::observation::WorkObservation;
use model::record::Record;
use model::run::{Run, RunState};
use model::task::{Task, TaskState};
use model::units::Seconds;
use ports::{Item, Write};
use testkit::{SubmitAnswer, TestPorts};

use super::Weather;
use crate::dice::Dice;

/// Sees every effect and remembers the first invariant that broke.
pub struct Watch {
    dice: RefCell<Dice>,
    pub weather: Cell<Weather>,
    sizes: BTreeMap<LimitRef, u32>,
    trace: RefCell<Vec<String>>,
    broken: RefCell<Option<String>>,
    facts: RefCell<BTreeMap<EventId, String>>,
    committed: RefCell<BTreeSet<SubmissionId>>,
    on_its_way: Cell<Timestamp>,
}

/// A write that is about to be made, with what was there.
pub enum Change {
    Task(Option<Task>, Key),
    Run(Option<Run>, Key),
    Instance(Option<Instance>, Key),
    PlaceTaken(LimitRef),
    PlaceFreed(Place),
    Noted(String),
}

impl Watch {
    /// Watches a world whose limits have these sizes.
    pub fn new(seed: u64, weather: Weather, sizes: BTreeMap<LimitRef, u32>) -> Self {
        Self {
            dice: RefCell::new(Dice::of(seed ^ 0x5eed)),
            weather: Cell::new(weather),
            sizes,
            trace: RefCell::default(),
            broken: RefCell::default(),
            facts: RefCell::default(),
            committed: RefCell::default(),
            on_its_way: Cell::new(Timestamp::MIN),
        }
    }

    /// Adds a line to what happened.
    pub fn note(&self, now: Timestamp, line: impl FnOnce() -> String) {
        let line = format!("{} {}", now.strftime("%H:%M:%S"), line());
        self.trace.borrow_mut().push(line);
    }

    /// Remembers that an invariant broke, if it is the first.
    pub fn breaks(&self, what: String) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            self.trace.borrow_mut().push(format!("*** {what}"));
            *broken = Some(what);
        }
    }

    /// The invariant that broke.
    pub fn broken(&self) -> Option<String> {
        self.broken.borrow().clone()
    }

    /// Everything that happened, in order.
    pub fn trace(&self) -> Vec<String> {
        self.trace.borrow().clone()
    }

    /// Every submission that was committed as an attempt.
    pub fn attempts(&self) -> BTreeSet<SubmissionId> {
        self.committed.borrow().clone()
    }

    /// Whether a fact was published.
    pub fn knows(&self, fact: &Fact) -> bool {
        self.facts.borrow().contains_key(&fact.id)
    }

    /// Whether a call fails now.
    pub fn call_fails(&self) -> bool {
        let chance = self.weather.get().failing_calls;
        chance > 0 && self.dice.borrow_mut().below(1000) < chance
    }

    /// How a submission is answered.
    pub fn submit_answer(&self) -> SubmitAnswer {
        let mut dice = self.dice.borrow_mut();
        if !dice.percent(self.weather.get().odd_answer) {
            return SubmitAnswer::Accept;
        }
        match dice.below(4) {
            0 => SubmitAnswer::Throttle,
            1 => SubmitAnswer::Gone,
            2 => SubmitAnswer::UnknownTaken,
            _ => SubmitAnswer::UnknownLost,
        }
    }

    /// Notes a message that is hidden for a little while; it may release somebody.
    pub fn sent(&self, delay: Seconds, visible: Timestamp) {
        if delay <= Seconds::minutes(1) {
            self.on_its_way.set(self.on_its_way.get().max(visible));
        }
    }

    /// Until when a hidden message may release somebody.
    pub fn on_its_way(&self) -> Timestamp {
        self.on_its_way.get()
    }

    /// Facts with one id are one fact.
    pub fn published(&self, fact: &Fact, now: Timestamp) {
        let text = serde_json::to_string(fact).expect("facts are plain data");
        self.note(now, || format!("{} {text}", fact.body.type_name()));
        let mut facts = self.facts.borrow_mut();
        let known = facts.entry(fact.id.clone()).or_insert_with(|| text.clone());
        if *known != text {
            self.breaks(format!("one id, two facts:\n  {known}\n  {text}"));
        }
    }

    /// Looks at what is there before a commit.
    pub fn before(&self, memory: &TestPorts, writes: &[Write]) -> Vec<Change> {
        writes
            .iter()
            .filter_map(|write| change(memory, write))
            .collect()
    }

    /// Looks at what a commit made of it.
    pub fn committed(&self, memory: &TestPorts, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Task(before, key) => self.task(memory, before, &key),
                Change::Run(before, key) => self.run(memory, before, &key),
                Change::Instance(before, key) => self.instance(memory, before, &key),
                Change::PlaceTaken(limit) => self.place_taken(memory, &limit),
                Change::PlaceFreed(place) => self.place_freed(memory, &place),
                Change::Noted(line) => self.note(ports::Clock::now(&*memory.clock), || line),
            }
        }
    }

    fn task(&self, memory: &TestPorts, before: Option<Task>, key: &Key) {
        let Some(after) = memory.store.peek::<Task>(key) else {
            return;
        };
        let now = ports::Clock::now(&*memory.clock);
        self.note(now, || {
            format!("  {} {:?}", after.attempt_key(), after.state)
        });
        if let Some(before) = &before
            && let Some(wrong) = wrong_step(before, &after)
        {
            self.breaks(format!("{wrong}:\n  {before:?}\n  {after:?}"));
        }
        let was_committed = before.as_ref().is_some_and(|before| {
            before.submission.is_some() && before.attempt_key() == after.attempt_key()
        });
        let (Some(id), false) = (&after.submission, was_committed) else {
            return;
        };
        self.committed.borrow_mut().insert(id.clone());
        self.alone(memory, &after.attempt_key());
        self.seated(memory, &after);
    }

    /// No other attempt of the task lives. Second submissions of one attempt are strays, which the
    /// attempt does not wait for; and nobody can wait for a submitter that sleeps through its lease.
    fn alone(&self, memory: &TestPorts, key: &AttemptKey) {
        let committed = self.committed.borrow();
        let work = memory.compute.work();
        let is_attempt = |seen: &WorkObservation| {
            let of_it = work.iter().filter(|other| other.key == seen.key);
            let known = of_it
                .map(|other| &other.submission)
                .any(|id| committed.contains(id));
            committed.contains(&seen.submission) || !(known || self.weather.get().slow > 0)
        };
        for other in &work {
            let same_task = other.key.run == key.run && other.key.task == key.task;
            let lives = !other.state.is_terminal() && other.key != *key;
            if same_task && lives && is_attempt(other) {
                self.breaks(format!("two attempts live: {key} and {other:?}"));
            }
        }
    }

    /// Committed submissions that live.
    fn living(&self, memory: &TestPorts) -> Vec<WorkObservation> {
        let committed = self.committed.borrow();
        let mut work = memory.compute.work();
        work.retain(|seen| !seen.state.is_terminal() && committed.contains(&seen.submission));
        work
    }

    /// What was submitted holds the places its claim names, as long as it lives.
    fn seated(&self, memory: &TestPorts, task: &Task) {
        let lives = self
            .living(memory)
            .iter()
            .any(|seen| seen.key == task.attempt_key());
        let Some(claim) = task.claim.as_ref().filter(|_| lives) else {
            return;
        };
        for place in &claim.limits {
            let key = Key::Place(place.limit.clone(), place.number);
            let held = memory.store.peek::<Place>(&key);
            if held.is_none_or(|held| held.holder != task.attempt_key().to_string()) {
                self.breaks(format!("{} lives without {place:?}", task.attempt_key()));
            }
        }
    }

    fn run(&self, memory: &TestPorts, before: Option<Run>, key: &Key) {
        let Some(after) = memory.store.peek::<Run>(key) else {
            return;
        };
        let now = ports::Clock::now(&*memory.clock);
        self.note(now, || {
            format!(
                "  {} {:?} generation {}",
                after.run, after.state, after.generation
            )
        });
        if let Some(before) = before {
            let same = before.generation == after.generation;
            let ended = same && before.state.is_terminal() && before.state != after.state;
            if ended || after.generation < before.generation {
                self.breaks(format!("a run goes back: {before:?} {after:?}"));
            }
            if before.state == after.state && same {
                return;
            }
        }
        if after.state == RunState::Running {
            for sized in &after.limits {
                let holders = places(memory, &sized.limit);
                if !holders
                    .iter()
                    .any(|place| place.holder == after.run.as_str())
                {
                    self.breaks(format!(
                        "{} runs without a place of {}",
                        after.run, sized.limit
                    ));
                }
            }
        }
    }

    fn instance(&self, memory: &TestPorts, before: Option<Instance>, key: &Key) {
        let after = memory.store.peek::<Instance>(key);
        let (Some(before), Some(after)) = (before, after) else {
            return;
        };
        let ended = before.state.is_terminal() && before.state != after.state;
        if ended || after.state.rank() < before.state.rank() {
            self.breaks(format!("an instance goes back: {before:?} {after:?}"));
        }
    }

    fn place_taken(&self, memory: &TestPorts, limit: &LimitRef) {
        let held = places(memory, limit);
        let now = ports::Clock::now(&*memory.clock);
        self.note(now, || {
            let holders: Vec<&str> = held.iter().map(|place| place.holder.as_str()).collect();
            format!("  {limit} is held by {holders:?}")
        });
        let held = held.len();
        let size = self.sizes.get(limit).copied().unwrap_or(250);
        if held > size as usize {
            self.breaks(format!("{held} hold places of {limit}, which has {size}"));
        }
    }

    /// Nobody frees the place of what lives.
    fn place_freed(&self, memory: &TestPorts, place: &Place) {
        let now = ports::Clock::now(&*memory.clock);
        self.note(now, || format!("  {} frees {}", place.holder, place.limit));
        if let Ok(key) = place.holder.parse::<AttemptKey>() {
            let elsewhere = is_elsewhere(memory, place, &key);
            let living = self.living(memory).into_iter().find(|seen| seen.key == key);
            if let Some(living) = living.filter(|_| !elsewhere) {
                self.breaks(format!("{} was freed under {living:?}", place.limit));
            }
            return;
        }
        let run: Option<Run> = memory.store.peek(&Key::Run(place.holder.as_str().into()));
        if run.is_some_and(|run| run.state == RunState::Running) {
            self.breaks(format!(
                "{} was freed under the active {}",
                place.limit, place.holder
            ));
        }
    }

    /// Looks at what has reached the services.
    pub fn submitted(&self, memory: &TestPorts) {
        let now = ports::Clock::now(&*memory.clock);
        if let Some(last) = memory.compute.work().last() {
            let (key, id) = (&last.key, &last.submission);
            self.note(now, || format!("  last submitted {key} {id}"));
        }
    }
}

/// Whether a place is one of open steps of an instance at which its holder is no more.
fn is_elsewhere(memory: &TestPorts, place: &Place, key: &AttemptKey) -> bool {
    let LimitRef::Steps(instance) = &place.limit else {
        return false;
    };
    let task: Option<Task> = memory
        .store
        .peek(&Key::Task(key.run.clone(), key.task.clone()));
    let claim = task
        .filter(|task| task.attempt_key() == *key)
        .and_then(|task| task.claim);
    claim.is_none_or(|claim| claim.instance.as_ref() != Some(instance))
}

fn places(memory: &TestPorts, limit: &LimitRef) -> Vec<Place> {
    let all = memory.store.all::<Place>();
    all.into_iter()
        .filter(|place| place.limit == *limit)
        .collect()
}

fn change(memory: &TestPorts, write: &Write) -> Option<Change> {
    match write {
        Write::Put {
            item: Item { key, kind, .. },
            ..
        } => match (*kind, key) {
            (Task::KIND, key) => Some(Change::Task(memory.store.peek(key), key.clone())),
            (Run::KIND, key) => Some(Change::Run(memory.store.peek(key), key.clone())),
            (Instance::KIND, key) => Some(Change::Instance(memory.store.peek(key), key.clone())),
            (Place::KIND, Key::Place(limit, _)) => Some(Change::PlaceTaken(limit.clone())),
            (_, Key::Waiter(queue, order)) => Some(Change::Noted(format!(
                "  {} waits in {queue}",
                order.holder
            ))),
            _ => None,
        },
        Write::Delete {
            key: key @ Key::Place(..),
            ..
        } => memory.store.peek::<Place>(key).map(Change::PlaceFreed),
        Write::Delete {
            key: Key::Waiter(queue, order),
            ..
        } => Some(Change::Noted(format!("  {} leaves {queue}", order.holder))),
        Write::Delete { .. } => None,
    }
}

/// What is wrong about a task's step from one state to another.
fn wrong_step(before: &Task, after: &Task) -> Option<&'static str> {
    let (was, is) = (
        (before.generation, before.attempt),
        (after.generation, after.attempt),
    );
    if is < was {
        return Some("a task goes back to an older attempt");
    }
    if is == was {
        let absorbed = before.state.outcome().is_none() || before.state == after.state;
        let given_back = before.state == TaskState::Claimed && after.state.rank() == 0;
        let forward = after.state.rank() >= before.state.rank() || given_back;
        let kept = before.submission.is_none() || before.submission == after.submission;
        return match (absorbed, forward, kept) {
            (false, _, _) => Some("a task that ended changes its state"),
            (_, false, _) => Some("a task's state goes back"),
            (_, _, false) => Some("an attempt changes its submission"),
            (true, true, true) => None,
        };
    }
    let ended_with_it = is.0 == was.0 && after.state == TaskState::Retrying;
    (before.state.is_open() && !ended_with_it).then_some("an open attempt is forgotten")
}
