//! Makes a failing day as small as it can be while the same invariant still breaks.
//!
//! Fault classes are switched off, parts of the workload removed, then single faults spared, by
//! their numbers. Each class has dice of its own, so what is left stays much as it was.

use std::ops::Range;

use crate::platform::faults::Fault;
use crate::platform::script::{Plot, Script};
use crate::play::{self, Failure};

/// How often a smaller day is tried at most.
const TRIES: u32 = 600;

/// The smallest day found.
pub fn smallest(failure: &Failure) -> Script {
    let mut search = Search {
        best: failure.script.clone(),
        failure,
        tries: 0,
    };
    search.without_parts();
    search.without_classes();
    search.without_parts();
    search.without_faults();
    search.best
}

struct Search<'a> {
    best: Script,
    failure: &'a Failure,
    tries: u32,
}

impl Search<'_> {
    /// Keeps a smaller day if the same invariant breaks in it.
    fn keep(&mut self, smaller: Script) -> bool {
        if smaller == self.best || self.tries >= TRIES {
            return false;
        }
        self.tries += 1;
        let invariant = self.failure.broken.invariant;
        let same = play::live(&smaller).is_err_and(|found| found.broken.invariant == invariant);
        if same {
            self.best = smaller;
        }
        same
    }

    fn without_classes(&mut self) {
        for fault in Fault::ALL {
            let rates = self.best.rates.with(*fault, 0);
            self.keep(Script {
                rates,
                ..self.best.clone()
            });
        }
    }

    fn without_parts(&mut self) {
        let smaller: [fn(&mut Plot); 6] = [
            |plot| plot.operations = false,
            |plot| plot.deadlines = false,
            |plot| plot.limits = false,
            |plot| plot.clusters = false,
            |plot| plot.refuses = false,
            |plot| plot.is_wide = false,
        ];
        for change in smaller {
            self.keep_plot(change);
        }
        for count in 1..=3 {
            self.keep_plot(|plot| plot.workflows = plot.workflows.min(count));
            self.keep_plot(|plot| plot.most_tasks = plot.most_tasks.min(count as u64));
        }
        let replays = false;
        self.keep(Script {
            replays,
            ..self.best.clone()
        });
    }

    fn keep_plot(&mut self, change: impl Fn(&mut Plot)) {
        let mut smaller = self.best.clone();
        change(&mut smaller.plot);
        self.keep(smaller);
    }

    /// Spares faults: all after some number, then halves, quarters and so on of the rest.
    fn without_faults(&mut self) {
        let Some(mut count) = self.drawn() else {
            return;
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.spare(middle..u64::MAX) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        count = count.min(high);
        let mut size = count.div_ceil(2);
        while size > 0 && self.tries < TRIES {
            for at in (0..count).step_by(usize::try_from(size).unwrap_or(usize::MAX)) {
                self.spare(at..(at + size).min(count));
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    fn spare(&mut self, numbers: Range<u64>) -> bool {
        let mut smaller = self.best.clone();
        smaller.spared.push(numbers);
        self.keep(smaller)
    }

    /// How many faults are drawn before the invariant breaks.
    fn drawn(&self) -> Option<u64> {
        let script = self.best.clone();
        let lived = std::panic::catch_unwind(|| crate::platform::World::of(script).live());
        lived.ok().map(|lived| lived.faults)
    }
}

/// The story of a day as people read it: who crashed where, which facts came, which invariant broke.
/// Of a long day, only what is about that unless all is wanted.
pub fn story(script: &Script, all: bool) -> String {
    let (lines, broken) = play::tell(script);
    let active: Vec<&str> = script.rates.active().map(|fault| fault.row().0).collect();
    let mut text = format!(
        "seed {}, {} in {}; faults: {}\n",
        script.seed,
        script.calendar.name,
        script.calendar.zone,
        if active.is_empty() {
            "none".to_owned()
        } else {
            active.join(", ")
        }
    );
    let lines = match &broken {
        Some(broken) if lines.len() > LONG && !all => about(&lines, &broken.what),
        Some(_) | None => lines,
    };
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    match broken {
        Some(broken) => text.push_str(&format!("*** {broken}\n")),
        None => text.push_str("all is well\n"),
    }
    text
}

/// More lines than anybody reads.
const LONG: usize = 400;

/// The lines that name what a broken invariant names, and what went wrong around them.
fn about(lines: &[String], what: &str) -> Vec<String> {
    let words = what.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let names: Vec<&str> = words.filter(|word| word.contains("--")).collect();
    let is_about =
        |line: &&String| line.contains("!!") || names.iter().any(|name| line.contains(name));
    let (before, last) = lines.split_at(lines.len() - LONG / 4);
    let mut kept: Vec<String> = before.iter().filter(is_about).cloned().collect();
    let skipped = kept.len().saturating_sub(3 * LONG);
    kept.drain(..skipped);
    kept.extend_from_slice(last);
    kept
}
