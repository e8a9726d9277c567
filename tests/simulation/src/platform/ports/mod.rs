//! The ports of a platform: memory adapters that let others go first before every call and after
//! every effect, fail now and then, and show every effect to the watch.
//!
//! A handler that is dropped while it waits for its turn has crashed there, so crashes need no
//! other device.

mod bus;
mod compute;
mod names;
mod notifier;
mod store;

pub use compute::{Pending, carry_out_late};

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use jiff::SignedDuration;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::message::{Function, Message};
use model::name::WorkflowRef;
use ports::{Clock, ContentCache, Ports, Stored};
use testkit::MemoryStore;

use super::faults::Faults;
use super::services::Services;
use super::watch::Watch;
use crate::dice::Dice;

/// One world, as handlers and the scheduler share it.
pub struct Shared {
    pub store: MemoryStore,
    /// The instant, by a clock that is right.
    pub clock: Cell<Timestamp>,
    pub services: RefCell<Services>,
    pub faults: Faults,
    pub watch: Watch,
    /// What was sent and is not in an inbox yet, with when it becomes visible.
    pub mail: RefCell<Vec<(Timestamp, Function, Message)>>,
    /// Where names lead.
    pub hosts: RefCell<BTreeMap<String, String>>,
    /// Whether the alert function hears of facts.
    pub hears: bool,
    /// Submissions nobody heard of that the services will carry out later.
    pub pending: RefCell<Vec<compute::Pending>>,
    /// How long things take.
    pub lengths: Dice,
    /// How work ends, by its key.
    pub fates: super::fates::Fates,
    /// What the indexes said the last time.
    said_due: RefCell<Vec<Stored>>,
    said_runs: RefCell<BTreeMap<WorkflowRef, Vec<Stored>>>,
}

impl Shared {
    /// Makes an empty world at an instant.
    pub fn at(
        now: Timestamp,
        faults: Faults,
        watch: Watch,
        lengths: Dice,
        fates: super::fates::Fates,
        hears: bool,
    ) -> Self {
        Self {
            store: MemoryStore::default(),
            clock: Cell::new(now),
            services: RefCell::default(),
            faults,
            watch,
            mail: RefCell::default(),
            hosts: RefCell::default(),
            hears,
            pending: RefCell::default(),
            lengths,
            fates,
            said_due: RefCell::default(),
            said_runs: RefCell::default(),
        }
    }

    /// The instant, by a clock that is right.
    pub fn now(&self) -> Timestamp {
        self.clock.get()
    }
}

/// Where a handler waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    BeforeRead,
    BeforeEffect,
    AfterEffect,
}

/// What handlers are given; each invocation has its own.
#[derive(Clone)]
pub struct PlatformPorts {
    pub shared: Rc<Shared>,
    cache: Rc<ContentCache>,
    clock: Rc<InvocationClock>,
    point: Rc<Cell<Point>>,
    /// What this invocation submitted without an answer, and has not looked up since.
    unheard: Rc<RefCell<BTreeSet<AttemptKey>>>,
}

/// The clock of one machine, which may be wrong.
pub struct InvocationClock {
    shared: Rc<Shared>,
    skew: SignedDuration,
}

impl Clock for InvocationClock {
    fn now(&self) -> Timestamp {
        let now = self.shared.now();
        now.checked_add(self.skew).unwrap_or(now)
    }
}

impl PlatformPorts {
    /// Makes the ports of an invocation whose clock is wrong by so much. The cache outlives it, as
    /// a warm process does.
    pub fn of(shared: &Rc<Shared>, cache: &Rc<ContentCache>, skew: SignedDuration) -> Self {
        let clock = InvocationClock {
            shared: Rc::clone(shared),
            skew,
        };
        Self {
            shared: Rc::clone(shared),
            cache: Rc::clone(cache),
            clock: Rc::new(clock),
            point: Rc::new(Cell::new(Point::BeforeRead)),
            unheard: Rc::default(),
        }
    }

    /// Where the invocation waits.
    pub fn point(&self) -> Rc<Cell<Point>> {
        Rc::clone(&self.point)
    }

    /// Lets others go first.
    async fn turn(&self, point: Point) {
        self.point.set(point);
        Turn(false).await;
    }
}

/// Waits for one turn.
struct Turn(bool);

impl Future for Turn {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Ports for PlatformPorts {
    type Store = Self;
    type Bus = Self;
    type Compute = Self;
    type Clock = InvocationClock;
    type Names = Self;

    fn store(&self) -> &Self {
        self
    }
    fn bus(&self) -> &Self {
        self
    }
    fn compute(&self) -> &Self {
        self
    }
    fn clock(&self) -> &InvocationClock {
        &self.clock
    }
    fn names(&self) -> &Self {
        self
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
}
