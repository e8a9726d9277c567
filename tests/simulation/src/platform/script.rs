//! What a world is drawn from: its seed, what takes part, and how bad it is.

use std::ops::Range;

use super::calendar::{CHANGES, Calendar, LEAP, PLAIN};
use super::faults::{Fault, Rates};
use crate::dice::Dice;

/// What takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plot {
    pub limits: bool,
    pub clusters: bool,
    /// People cancel, rerun, pause, backfill and mark, and deploy in the middle.
    pub operations: bool,
    /// Full limits may refuse or cancel runs.
    pub refuses: bool,
    pub deadlines: bool,
    /// One workflow joins more tasks than one node of a join holds.
    pub is_wide: bool,
    /// Its team has routes of alerts.
    pub alerts: bool,
    /// Half as many slots, and fewer orders and people.
    pub is_small: bool,
    /// How many of the four workflows there are, and tasks in each at most.
    pub workflows: usize,
    pub most_tasks: u64,
}

impl Plot {
    /// Everything but a wide join.
    pub const EVERYTHING: Self = Self {
        limits: true,
        clusters: true,
        operations: true,
        refuses: true,
        deadlines: true,
        is_wide: false,
        alerts: false,
        is_small: false,
        workflows: 4,
        most_tasks: 6,
    };

    /// Runs of tasks, and nothing else.
    pub const RUNS: Self = Self {
        limits: false,
        clusters: false,
        operations: false,
        refuses: false,
        deadlines: false,
        ..Self::EVERYTHING
    };

    /// Nobody interferes, so that the reference knows how every run ends.
    pub const WITHOUT_PEOPLE: Self = Self {
        operations: false,
        refuses: false,
        ..Self::EVERYTHING
    };
}

/// All there is to know before the day begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub seed: u64,
    /// The kind of day, in a word.
    pub kind: &'static str,
    pub plot: Plot,
    pub rates: Rates,
    pub calendar: Calendar,
    /// Numbers of faults that do not fire.
    pub spared: Vec<Range<u64>>,
    /// Whether everything is delivered again at the end.
    pub replays: bool,
    /// Whether the story is kept, for somebody to read.
    pub is_told: bool,
}

impl Script {
    /// Draws a day, whole or small. Of five days four are small: what goes wrong between few goes
    /// wrong there, too, and a dozen of them are lived through in the time of a whole one.
    pub fn of(seed: u64) -> Self {
        let dice = Dice::stream(seed, 8);
        let whole = Self::whole(seed);
        if dice.percent(20) {
            return whole;
        }
        let plot = Plot {
            is_wide: false,
            is_small: true,
            workflows: whole.plot.workflows.min(1 + dice.pick(3)),
            most_tasks: 3,
            ..whole.plot
        };
        Self { plot, ..whole }
    }

    /// Draws the kind of a whole day from the seed: half of the days everything goes wrong at its
    /// ordinary rate, on others much more of less.
    pub fn whole(seed: u64) -> Self {
        let dice = Dice::stream(seed, 0);
        let (kind, plot, rates) = kind(&dice);
        let is_wide = dice.percent(1);
        // Of a stream of its own: a day is the same with and without alerts, as far as it can be.
        let alerts = Dice::stream(seed, 7).percent(50);
        let plot = Plot {
            is_wide,
            alerts,
            ..plot
        };
        let share = |fault: Fault| dice.per_million(rates.of(fault));
        let calendar = if share(Fault::LeapDay) {
            LEAP
        } else if share(Fault::ClockChange) {
            CHANGES[dice.pick(CHANGES.len())]
        } else {
            PLAIN
        };
        Self {
            seed,
            kind,
            plot,
            rates,
            calendar,
            spared: Vec::new(),
            replays: dice.percent(10),
            is_told: false,
        }
    }

    /// The same day without alerts.
    #[must_use]
    pub fn without_alerts(mut self) -> Self {
        self.plot.alerts = false;
        self
    }

    /// The same day, told.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.is_told = true;
        self
    }
}

fn kind(dice: &Dice) -> (&'static str, Plot, Rates) {
    let ordinary = Rates::ordinary();
    let people = if dice.percent(50) {
        Plot::EVERYTHING
    } else {
        Plot::WITHOUT_PEOPLE
    };
    match dice.below(100) {
        0..50 => ("ordinary", people, ordinary),
        50..65 => {
            let chosen = dice.next();
            let is_in = |fault: Fault| (chosen >> (fault as u64)) & 3 == 3;
            ("few faults, often", people, ordinary.times(6).only(is_in))
        }
        65..73 => ("storm", people, ordinary.times(4)),
        73..78 => {
            let rates = ordinary.with(Fault::EmrEventLost, 1_000_000);
            ("no EMR event at all", people, rates)
        }
        78..83 => {
            let only = |fault| fault == Fault::EmrEventLost;
            let rates = ordinary.with(Fault::EmrEventLost, 300_000).only(only);
            ("EMR events are lost", Plot::WITHOUT_PEOPLE, rates)
        }
        83..89 => {
            let rates = ordinary
                .with(Fault::Frozen, 8_000)
                .with(Fault::TakenTooLate, 30_000);
            ("slow submitters", people, rates)
        }
        89..94 => {
            let rates = ordinary.with(Fault::CommitConflicts, 60_000);
            ("races", people, rates.with(Fault::Duplicate, 500_000))
        }
        94..97 => ("runs alone", Plot::RUNS, ordinary.times(3)),
        _ => ("fine", people, Rates::NONE),
    }
}
