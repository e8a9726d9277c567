//! What must hold, by number. Each is checked by name: throughout (`effects`, `submissions`,
//! `facts`, `watchful`) and at the end of the day (`end`, `history`, `replay`).

pub mod alerts;
pub mod effects;
pub mod end;
pub mod facts;
pub mod history;
pub mod replay;
pub mod submissions;
pub mod watchful;

use std::cell::{Cell, RefCell};
use std::fmt;

macro_rules! invariants {
    ($($number:literal $variant:ident: $title:literal;)*) => {
        /// A guarantee.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant {
            $(#[doc = $title] $variant = $number,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What is guaranteed.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

invariants! {
    1 TriggerRule: "no task starts before its trigger rule holds";
    2 OneLiveJob: "at most one live job per attempt, extras cancelled";
    3 RankNeverFalls: "an attempt's rank never falls, terminal absorbs";
    4 OneRunPerSlot: "one run per slot, and one for every slot";
    5 EverythingEnds: "once faults stop, every run ends within a bound";
    6 RunFollowsTasks: "a run's outcome follows from its tasks' outcomes";
    7 ServicesWord: "success only from the compute service's word";
    8 Published: "every committed transition was published, each the same every time";
    9 ReplayChangesNothing: "replaying messages changes nothing";
    10 LowerEpochsRefused: "lower epochs are refused";
    11 ClustersEnd: "no cluster outlives its window plus grace, none is orphaned";
    12 LimitsHold: "no limit is ever exceeded, and nobody waits beside a free place";
    13 SetAside: "what cannot be delivered is set aside with its cause; redrive converges";
    14 OneAlert: "one open alert per incident, and everybody knows in the end";
    15 Deterministic: "same seed, same trace hash";
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: {}", *self as u8, self.title())
    }
}

/// How often each was checked; position 0 is not used.
pub type Checked = [u64; 16];

/// An invariant that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// Counts checks and remembers the first that failed.
#[derive(Default)]
pub struct Verdicts {
    checked: Cell<Checked>,
    broken: RefCell<Option<Broken>>,
}

impl Verdicts {
    /// Checks something; says whether it holds.
    pub fn check(&self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) -> bool {
        let mut checked = self.checked.get();
        checked[invariant as usize] += 1;
        self.checked.set(checked);
        if !holds {
            let what = what();
            let broken = Broken { invariant, what };
            self.broken.borrow_mut().get_or_insert(broken);
        }
        holds
    }

    /// The first that broke.
    pub fn broken(&self) -> Option<Broken> {
        self.broken.borrow().clone()
    }

    /// Whether any broke.
    pub fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
    }

    /// How often each was checked.
    pub fn checked(&self) -> Checked {
        self.checked.get()
    }
}
