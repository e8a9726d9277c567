//! Living through days: one, one twice, many on several threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::platform::faults::{Fault, Rates};
use crate::platform::invariants::{Broken, Invariant};
use crate::platform::script::Script;
use crate::platform::{Lived, World};
use crate::report::Totals;

/// Of so many seeds, one is lived twice.
const TWICE: u64 = 50;

/// A day on which an invariant broke.
#[derive(Debug, Clone)]
pub struct Failure {
    pub script: Script,
    pub broken: Broken,
}

/// What is to be played.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub first: u64,
    pub seeds: u64,
    pub threads: usize,
    pub until: Option<Instant>,
    /// Whether to go on after a failure, and so to find all.
    pub finds_all: bool,
    pub kind: Kind,
}

/// What every day of an order is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Most days are small, some whole.
    Any,
    Whole,
    /// Whole days on which no team hears of incidents.
    WholeWithoutAlerts,
}

impl Kind {
    /// The flag that asks for such days.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Whole => " --whole",
            Self::WholeWithoutAlerts => " --without-alerts",
        }
    }
}

/// The script of a seed.
pub fn script(seed: u64, kind: Kind) -> Script {
    match kind {
        Kind::Any => Script::of(seed),
        Kind::Whole => Script::whole(seed),
        Kind::WholeWithoutAlerts => Script::whole(seed).without_alerts(),
    }
}

/// Lives through a day. A handler that panics has broken an invariant, too.
pub fn live(script: &Script) -> Result<Lived, Box<Failure>> {
    let failure = |broken| {
        Box::new(Failure {
            script: script.clone(),
            broken,
        })
    };
    let lived = catch_unwind(AssertUnwindSafe(|| World::of(script.clone()).live()));
    match lived {
        Ok(lived) => match lived.broken.clone() {
            None => Ok(lived),
            Some(broken) => Err(failure(broken)),
        },
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            let what = format!("a panic: {}", said.unwrap_or_default());
            let invariant = Invariant::EverythingEnds;
            Err(failure(Broken { invariant, what }))
        }
    }
}

/// Lives through a day and tells it, whatever became of it.
pub fn tell(script: &Script) -> (Vec<String>, Option<Broken>) {
    let told = script.clone().told();
    match catch_unwind(AssertUnwindSafe(|| World::of(told).live())) {
        Ok(lived) => (lived.story, lived.broken),
        Err(_) => (
            vec!["a handler panics".to_owned()],
            live(script).err().map(|one| one.broken),
        ),
    }
}

/// Lives through a day, of some seeds twice.
pub fn day(script: &Script, totals: &mut Totals) -> Result<(), Box<Failure>> {
    let lived = live(script)?;
    if script.seed.is_multiple_of(TWICE) {
        let again = live(script)?;
        if again.hash != lived.hash {
            let what = format!("{:x} and then {:x}", lived.hash, again.hash);
            let invariant = Invariant::Deterministic;
            let broken = Broken { invariant, what };
            let script = script.clone();
            return Err(Box::new(Failure { script, broken }));
        }
        totals.note_twice();
    }
    totals.add(&lived, loses_events_only(&script.rates));
    Ok(())
}

fn loses_events_only(rates: &Rates) -> bool {
    let mut active = rates.active();
    active.next() == Some(Fault::EmrEventLost) && active.next().is_none()
}

/// Plays all seeds of an order; stops at the first that fails unless all are to be found. Gives the
/// failures by seed.
///
/// `told` hears of each failure when it is found.
pub fn all(
    order: Order,
    progress: impl Fn(u64, Duration),
    told: impl Fn(&Failure) + Sync,
) -> (Totals, Vec<Failure>) {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let failures: Mutex<Vec<Failure>> = Mutex::default();
    let work = || {
        let mut own = Totals::default();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let late = order.until.is_some_and(|until| Instant::now() >= until);
            if number >= order.seeds || late {
                break;
            }
            let seed = order.first + number;
            if let Err(found) = day(&script(seed, order.kind), &mut own) {
                stop.store(!order.finds_all, Ordering::Relaxed);
                told(&found);
                own.note_broken(found.broken.invariant);
                let mut failures = failures.lock().expect("nobody panics while it is held");
                failures.push(*found);
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        totals
            .lock()
            .expect("nobody panics while it is held")
            .merge(own);
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..order.threads).map(|_| scope.spawn(work)).collect();
        while !workers
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            std::thread::sleep(Duration::from_millis(200));
            progress(done.load(Ordering::Relaxed), began.elapsed());
        }
    });
    let totals = totals.into_inner().expect("the threads have ended");
    let mut failures = failures.into_inner().expect("the threads have ended");
    failures.sort_by_key(|failure| failure.script.seed);
    (totals, failures)
}
