//! Sees every effect: keeps the mirror and the trace, and has the invariants look at each.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::Fact;
use model::id::{EventId, RunId, SubmissionId};
use model::limit::LimitRef;
use model::run::RunState;
use model::task::Place;
use model::units::Seconds;
use ports::Write;

use super::invariants::{Invariant, Verdicts, alerts, effects, facts, submissions};
use super::mirror::{Change, Mirror, Parsed};
use super::ports::Shared;
use super::services::STEPS;
use super::trace::Trace;

/// Sees every effect.
pub struct Watch {
    pub trace: Trace,
    pub verdicts: Verdicts,
    pub mirror: RefCell<Mirror>,
    pub sizes: BTreeMap<LimitRef, u32>,
    /// A hash of each fact that was published, by id.
    pub(super) published: RefCell<HashMap<EventId, u64>>,
    /// Facts that committed transitions owe.
    pub(super) owed: RefCell<BTreeMap<EventId, Fact>>,
    /// The handler that goes on after its messages were delivered to others, while it has its turn;
    /// and the facts that such handlers owe.
    pub(super) late: Cell<Option<u64>>,
    pub(super) owed_late: RefCell<Vec<(u64, EventId)>>,
    /// What they owe no more; a replay may tell it after all.
    pub(super) forgiven: RefCell<BTreeSet<EventId>>,
    /// Every submission that was committed as an attempt.
    pub(super) committed: RefCell<BTreeSet<SubmissionId>>,
    /// Attempts that were claimed after their run had ended: who looks after writing submits none.
    pub(super) claimed_too_late: RefCell<BTreeSet<AttemptKey>>,
    /// When it was recorded that a run had succeeded: later than it had, when its events came late.
    pub succeeded: RefCell<BTreeMap<RunId, Timestamp>>,
    /// Terminal EMR events that were lost, by submission, until somebody notices.
    pub lost: RefCell<BTreeMap<SubmissionId, Timestamp>>,
    /// How long each lost event went unnoticed, in seconds.
    pub unnoticed: RefCell<Vec<u64>>,
    /// What the channels of the team read.
    pub read: RefCell<alerts::Read>,
    on_its_way: Cell<Timestamp>,
}

impl Watch {
    /// Watches a world whose limits have these sizes.
    pub fn new(trace: Trace, sizes: BTreeMap<LimitRef, u32>) -> Self {
        Self {
            trace,
            verdicts: Verdicts::default(),
            mirror: RefCell::default(),
            sizes,
            published: RefCell::default(),
            owed: RefCell::default(),
            late: Cell::default(),
            owed_late: RefCell::default(),
            forgiven: RefCell::default(),
            committed: RefCell::default(),
            claimed_too_late: RefCell::default(),
            succeeded: RefCell::default(),
            lost: RefCell::default(),
            unnoticed: RefCell::default(),
            read: RefCell::default(),
            on_its_way: Cell::new(Timestamp::MIN),
        }
    }

    /// Checks something.
    pub fn check(&self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) -> bool {
        self.verdicts.check(invariant, holds, what)
    }

    /// Adds writes to the trace's hash.
    pub fn mixes(&self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Put { item, .. } => self.trace.mix_text(&item.body),
                Write::Delete { key, .. } => self.trace.mix_text(&key.sort()),
            }
        }
    }

    /// Looks at what a commit changed.
    pub fn committed(&self, shared: &Shared, parsed: Vec<Parsed>) {
        let changes = self.mirror.borrow_mut().apply(parsed);
        let now = shared.now();
        for change in changes {
            if !matches!(change, Change::Other) {
                self.trace.note(now, || told(&change));
            }
            if let Change::Run(_, run) = &change
                && run.state == RunState::Succeeded
            {
                let mut succeeded = self.succeeded.borrow_mut();
                succeeded.entry(run.run.clone()).or_insert(now);
            }
            if let Change::Task(before, task) = &change {
                submissions::claimed(self, before.as_ref(), task);
            }
            effects::look(shared, &change);
            facts::owe(self, &change);
        }
    }

    /// Facts with one id are one fact.
    pub fn published(&self, fact: &Fact, now: Timestamp) {
        facts::published(self, fact, now);
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

    /// Looks at a submission that a service takes; says whether it is the claim's own, in time.
    pub fn submitted(&self, key: &AttemptKey, now: Timestamp) -> bool {
        submissions::look(self, key, now)
    }

    /// Whether a task's failures are tried again.
    pub fn is_retried(&self, key: &AttemptKey) -> bool {
        let mirror = self.mirror.borrow();
        let plan = mirror
            .runs
            .get(&key.run)
            .and_then(|run| mirror.plan(&run.definition));
        plan.is_some_and(|plan| {
            let position = plan.position(&key.task);
            position.is_some_and(|at| plan.written(at).retries.attempts > 0)
        })
    }

    /// Never more steps of murmur's own are open on a cluster than EMR takes.
    pub fn steps_fit(&self, shared: &Shared, place: &Place) {
        let open = shared.services.borrow().open_at(place);
        self.check(Invariant::LimitsHold, open < STEPS, || {
            format!("a step is added to the {open} that are open at {place:?}")
        });
    }

    /// Forgets what a late handler owed that did not come to its end: others have dealt with its
    /// messages, so nobody repeats it. No process goes on so late but here: a function is ended long
    /// before its messages are delivered again. Whom it would have released reconcile sees to.
    pub fn forgive(&self, late: u64, now: Timestamp) {
        let seen_to = Seconds::hours(1).after(now);
        self.on_its_way.set(self.on_its_way.get().max(seen_to));
        for (of, id) in self.owed_late.borrow().iter() {
            if *of == late {
                self.owed.borrow_mut().remove(id);
                self.forgiven.borrow_mut().insert(id.clone());
            }
        }
    }

    /// How many facts were published, but for those that nobody owed any more.
    pub fn told_of_owed(&self) -> usize {
        let (published, forgiven) = (self.published.borrow(), self.forgiven.borrow());
        let counted = published.keys().filter(|id| !forgiven.contains(*id));
        counted.count()
    }

    /// Whether a fact was published.
    pub fn knows(&self, id: &EventId) -> bool {
        self.published.borrow().contains_key(id)
    }
}

/// A change as a line of the story.
fn told(change: &Change) -> String {
    match change {
        Change::Task(_, task) => {
            let reason = task.reason.as_deref().unwrap_or_default();
            format!("  {} is {:?} {reason}", task.attempt_key(), task.state)
        }
        Change::Run(_, run) => {
            format!(
                "  {} is {:?}, generation {}",
                run.run, run.state, run.generation
            )
        }
        Change::Instance(_, one) => {
            let id = one.id.as_ref().map(|id| id.as_str()).unwrap_or("no id");
            format!("  {} is {:?}, {id}", one.instance, one.state)
        }
        Change::PlaceTaken(_, place) => {
            format!(
                "  {} holds place {} of {}",
                place.holder, place.number, place.limit
            )
        }
        Change::PlaceFreed(place) => {
            format!(
                "  {} frees place {} of {}",
                place.holder, place.number, place.limit
            )
        }
        Change::Waits(waiter) => format!("  {} waits in {}", waiter.holder, waiter.queue),
        Change::Leaves(waiter) => format!("  {} leaves {}", waiter.holder, waiter.queue),
        Change::Past(task) => format!("  {} is kept as history", task.attempt_key()),
        Change::Operation(one) => {
            format!(
                "  {} is {:?} {:?}",
                one.request.operation, one.state, one.result
            )
        }
        Change::Other => "  something else".to_owned(),
    }
}
