//! Every fault there is, each with its own rate and its own dice, counted when it fires.
//!
//! Its own dice: switching one fault off leaves the draws of all others as they were, which is what
//! makes a failing seed shrink.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use model::units::Seconds;

use crate::dice::Dice;

/// How far a clock may be from the right time.
pub const MOST_SKEW: Seconds = Seconds(2);

macro_rules! faults {
    ($($variant:ident: $per:literal, $rate:literal, $label:literal;)*) => {
        /// A class of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $label] $variant,)*
        }

        impl Fault {
            /// Every class, in the order of reports.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What it is, what it is drawn for, and its rate on an ordinary bad day, in a million.
            pub fn row(self) -> (&'static str, &'static str, u32) {
                match self {
                    $(Self::$variant => ($label, $per, $rate),)*
                }
            }
        }
    };
}

faults! {
    Duplicate: "message", 100_000, "delivery: twice";
    Flood: "message", 200, "delivery: up to 100 times";
    Reordered: "delivery", 300_000, "delivery: out of order";
    Late: "message", 20_000, "delivery: up to 15 minutes late";
    VeryLate: "message", 40, "delivery: up to a day late";
    EmrEventLost: "EMR event", 50_000, "delivery: EMR event lost";
    TickLost: "tick", 30_000, "delivery: tick lost";
    TickLate: "tick", 50_000, "delivery: tick late";
    TickTwice: "tick", 50_000, "delivery: tick twice";
    SetAside: "failed delivery", 5_000, "delivery: set aside, redriven hours later";
    Redrive: "day", 40_000, "delivery: redrive of everything there ever was";
    CrashBefore: "effect", 6_000, "process: crash before an effect";
    CrashAfter: "effect", 6_000, "process: crash after an effect";
    CrashReading: "read", 1_000, "process: crash before a read";
    AcknowledgementLost: "invocation", 20_000, "process: acknowledgement lost";
    TimedOut: "call", 300, "process: time-out in the middle";
    Frozen: "call", 300, "process: frozen past a lease, then awake";
    CommitConflicts: "commit", 5_000, "store: condition failed without cause";
    StoreThrottles: "call", 3_000, "store: throttled";
    StoreAnswerLost: "write", 3_000, "store: written, answer lost";
    IndexStale: "index read", 100_000, "store: index read is stale";
    BusThrottles: "message", 3_000, "bus: not sent";
    BusAnswerLost: "message", 3_000, "bus: sent, answer lost";
    NamesThrottle: "name", 20_000, "names: not pointed";
    NamesAnswerLost: "name", 20_000, "names: pointed, answer lost";
    SubmitThrottled: "submission", 10_000, "compute: submit throttled";
    StepsFull: "submission", 3_000, "compute: 256 steps are open, others' among them";
    PlaceGone: "submission", 3_000, "compute: place takes no work";
    Refused: "task", 8_000, "compute: submit refused for good";
    TakenUnheard: "submission", 7_000, "compute: submit timed out, executed";
    LostUnheard: "submission", 7_000, "compute: submit timed out, not executed";
    TakenLate: "submission", 5_000, "compute: submit timed out, executed within the lease";
    TakenTooLate: "submission", 1_000, "compute: submit timed out, executed after the lease";
    LookUpFails: "look-up", 5_000, "compute: look-up fails";
    ListingLags: "look-up", 30_000, "compute: listing lags";
    CancelIgnored: "cancelled work", 50_000, "compute: cancel ignored";
    CancelledOutside: "failing work", 200_000, "compute: work cancelled by somebody else";
    Interrupted: "work", 10_000, "compute: work interrupted";
    SpotLost: "work", 10_000, "compute: Spot host reclaimed under work";
    ClusterDies: "sweep", 3_000, "compute: cluster terminated under its steps";
    BootstrapFails: "cluster", 40_000, "compute: bootstrap fails";
    ReadyLate: "cluster", 50_000, "compute: cluster ready late";
    WrongKind: "message", 300, "payload: poison, wrong kind of message";
    Garbage: "message", 300, "payload: poison, cannot be parsed";
    UnknownState: "service event", 2_000, "payload: unknown state";
    UnknownFields: "message", 5_000, "payload: unknown fields";
    ClockSkew: "invocation", 50_000, "time: clock skewed by up to 2 seconds";
    ClockChange: "day", 300_000, "time: a day on which clocks change";
    LeapDay: "day", 70_000, "time: leap day";
    AlertFails: "post", 100_000, "alerts: endpoint fails";
    AlertThrottled: "post", 50_000, "alerts: endpoint throttles";
    AlertUnheard: "post", 30_000, "alerts: posted, answer lost";
    AlertHangs: "post", 30_000, "alerts: no answer, not posted";
}

/// A rate for each class, in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates([u32; Fault::ALL.len()]);

impl Rates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self([0; Fault::ALL.len()]);

    /// Everything goes wrong now and then.
    pub fn ordinary() -> Self {
        let mut rates = Self::NONE;
        for fault in Fault::ALL {
            rates.0[*fault as usize] = fault.row().2;
        }
        rates
    }

    /// The rate of a class.
    pub fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// The same with another rate for one class.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: u32) -> Self {
        self.0[fault as usize] = rate;
        self
    }

    /// All rates times a number, none beyond a half.
    #[must_use]
    pub fn times(mut self, factor: u32) -> Self {
        for rate in &mut self.0 {
            *rate = (*rate).saturating_mul(factor).min(500_000);
        }
        self
    }

    /// Only the chosen classes.
    #[must_use]
    pub fn only(mut self, chosen: impl Fn(Fault) -> bool) -> Self {
        for fault in Fault::ALL.iter().filter(|fault| !chosen(**fault)) {
            self.0[*fault as usize] = 0;
        }
        self
    }

    /// Classes that may fire.
    pub fn active(&self) -> impl Iterator<Item = Fault> + '_ {
        let all = Fault::ALL.iter().copied();
        all.filter(|fault| self.of(*fault) > 0)
    }
}

/// How often each class fired.
pub type Fired = [u64; Fault::ALL.len()];

/// Draws faults.
pub struct Faults {
    rates: RefCell<Rates>,
    dice: Vec<Dice>,
    fired: RefCell<Fired>,
    /// How many would have fired, spared ones included: each has its number.
    drawn: Cell<u64>,
    spared: Vec<Range<u64>>,
}

impl Faults {
    /// Begins with these rates; faults with a spared number do not fire.
    pub fn of(seed: u64, rates: Rates, spared: Vec<Range<u64>>) -> Self {
        let stream = |fault: &Fault| Dice::stream(seed, 1_000 + *fault as u64);
        Self {
            rates: RefCell::new(rates),
            dice: Fault::ALL.iter().map(stream).collect(),
            fired: RefCell::new([0; Fault::ALL.len()]),
            drawn: Cell::new(0),
            spared,
        }
    }

    /// Draws whether a fault fires now.
    pub fn strikes(&self, fault: Fault) -> bool {
        let rate = self.rates.borrow().of(fault);
        rate > 0 && self.dice[fault as usize].per_million(rate) && self.happens(fault)
    }

    /// Notes a fault that somebody else decided about; says whether it is to happen.
    pub fn happens(&self, fault: Fault) -> bool {
        let number = self.drawn.get();
        self.drawn.set(number + 1);
        if self.spared.iter().any(|spared| spared.contains(&number)) {
            return false;
        }
        self.fired.borrow_mut()[fault as usize] += 1;
        true
    }

    /// A number below `bound` that says more about a fault.
    pub fn below(&self, fault: Fault, bound: u64) -> u64 {
        self.dice[fault as usize].below(bound)
    }

    /// Ends all trouble.
    pub fn calm(&self) {
        self.rates.replace(Rates::NONE);
    }

    /// Ends all trouble for a while; gives what to resume it with.
    pub fn pause(&self) -> Rates {
        self.rates.replace(Rates::NONE)
    }

    /// Begins trouble again.
    pub fn resume(&self, rates: Rates) {
        self.rates.replace(rates);
    }

    /// How often each class has fired.
    pub fn fired(&self) -> Fired {
        *self.fired.borrow()
    }

    /// How many faults there were, spared ones included.
    pub fn drawn(&self) -> u64 {
        self.drawn.get()
    }
}
