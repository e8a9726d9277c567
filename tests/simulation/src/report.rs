//! What many days came to: a table a sceptic can check, and the same as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::platform::Lived;
use crate::platform::faults::{Fault, Fired};
use crate::platform::invariants::{Checked, Invariant};

/// Sums over days.
#[derive(Debug, Clone)]
pub struct Totals {
    pub seeds: u64,
    pub twice: u64,
    pub fired: Fired,
    pub checked: Checked,
    /// How many days broke each invariant. A day ends with the first that breaks.
    pub broken: Checked,
    pub runs: u64,
    pub tasks: u64,
    pub messages: u64,
    /// Seconds a lost EMR event went unnoticed, on days on which nothing else went wrong, and on
    /// all days.
    pub unnoticed: Vec<u32>,
    pub unnoticed_anyhow: Vec<u32>,
    /// Seconds from the last trouble to the end of the last run, of each day.
    pub last_runs: Vec<u32>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            seeds: 0,
            twice: 0,
            fired: [0; Fault::ALL.len()],
            checked: [0; 16],
            broken: [0; 16],
            runs: 0,
            tasks: 0,
            messages: 0,
            unnoticed: Vec::new(),
            unnoticed_anyhow: Vec::new(),
            last_runs: Vec::new(),
        }
    }
}

impl Totals {
    /// Adds a day.
    pub fn add(&mut self, lived: &Lived, only_events_were_lost: bool) {
        let seconds = |all: &[u64]| -> Vec<u32> {
            all.iter()
                .map(|one| u32::try_from(*one).unwrap_or(u32::MAX))
                .collect()
        };
        self.seeds += 1;
        add(&mut self.fired, &lived.fired);
        add(&mut self.checked, &lived.checked);
        self.runs += lived.runs;
        self.tasks += lived.tasks;
        self.messages += lived.messages;
        let unnoticed = seconds(&lived.unnoticed);
        if only_events_were_lost {
            self.unnoticed.extend(&unnoticed);
        }
        self.unnoticed_anyhow.extend(unnoticed);
        self.last_runs.extend(seconds(&[lived.last_run]));
    }

    /// Adds what another thread has summed.
    pub fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.twice += other.twice;
        add(&mut self.fired, &other.fired);
        add(&mut self.checked, &other.checked);
        add(&mut self.broken, &other.broken);
        self.runs += other.runs;
        self.tasks += other.tasks;
        self.messages += other.messages;
        self.unnoticed.extend(other.unnoticed);
        self.unnoticed_anyhow.extend(other.unnoticed_anyhow);
        self.last_runs.extend(other.last_runs);
    }

    /// Notes that a day was lived twice, and came out the same.
    pub fn note_twice(&mut self) {
        self.twice += 1;
        self.checked[Invariant::Deterministic as usize] += 1;
    }

    /// Notes that a day broke an invariant. What had been counted on it until then is not summed.
    pub fn note_broken(&mut self, invariant: Invariant) {
        self.seeds += 1;
        self.broken[invariant as usize] += 1;
    }

    /// The table.
    pub fn table(&mut self, took: Duration) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<56} {:>9} {:>16} {:>12}",
            "fault", "rate", "for each", "fired"
        );
        for fault in Fault::ALL {
            let (label, per, rate) = fault.row();
            let (rate, fired) = (percent(rate), self.fired[*fault as usize]);
            let _ = writeln!(text, "{label:<56} {rate:>9} {per:>16} {fired:>12}");
        }
        let _ = writeln!(
            text,
            "\n{:<69} {:>14} {:>10}",
            "invariant", "checked", "violations"
        );
        for invariant in Invariant::ALL {
            let name = format!("{:>2} {}", *invariant as u8, invariant.title());
            let checked = self.checked[*invariant as usize];
            let broken = self.broken[*invariant as usize];
            let _ = writeln!(text, "{name:<72} {checked:>11} {broken:>10}");
        }
        let _ = writeln!(text);
        for (name, value) in self.figures(took) {
            let _ = writeln!(text, "{name:<72} {value:>11}");
        }
        text
    }

    /// The same as JSON.
    pub fn json(&mut self, took: Duration) -> Value {
        let faults = Fault::ALL.iter().map(|fault| {
            let (label, per, rate) = fault.row();
            let fired = self.fired[*fault as usize];
            json!({ "fault": label, "rate_per_million": rate, "for_each": per, "fired": fired })
        });
        let invariants = Invariant::ALL.iter().map(|invariant| {
            let checked = self.checked[*invariant as usize];
            let broken = self.broken[*invariant as usize];
            let (number, title) = (*invariant as u8, invariant.title());
            json!({ "number": number, "title": title, "checked": checked, "violations": broken })
        });
        let (faults, invariants): (Vec<_>, Vec<_>) = (faults.collect(), invariants.collect());
        let figures: serde_json::Map<String, Value> = self
            .figures(took)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        json!({ "faults": faults, "invariants": invariants, "figures": figures })
    }

    fn figures(&mut self, took: Duration) -> Vec<(&'static str, String)> {
        let seconds = took.as_secs_f64();
        let p99 =
            |all: &mut Vec<u32>| percentile(all, 99).map_or("-".to_owned(), |p| p.to_string());
        #[allow(clippy::cast_precision_loss)] // a rate, for people
        let rate = self.seeds as f64 / seconds.max(0.001);
        vec![
            (
                "seeds (simulated days of up to three)",
                self.seeds.to_string(),
            ),
            (
                "seeds lived twice, with the same trace hash",
                self.twice.to_string(),
            ),
            ("runs", self.runs.to_string()),
            ("attempts of tasks", self.tasks.to_string()),
            ("messages handled", self.messages.to_string()),
            ("faults", self.fired.iter().sum::<u64>().to_string()),
            (
                "lost EMR events noticed within, p99 where nothing else fails, seconds",
                p99(&mut self.unnoticed),
            ),
            (
                "lost EMR events noticed within, p99 of all days, seconds",
                p99(&mut self.unnoticed_anyhow),
            ),
            (
                "last run ends after the last trouble, p99, seconds",
                p99(&mut self.last_runs),
            ),
            ("wall-clock seconds", format!("{seconds:.1}")),
            ("seeds per second", format!("{rate:.1}")),
        ]
    }
}

fn add<const N: usize>(sums: &mut [u64; N], more: &[u64; N]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

fn percentile(all: &mut [u32], percent: usize) -> Option<u32> {
    let last = all.len().checked_sub(1)?;
    let at = (all.len() * percent / 100).min(last);
    Some(*all.select_nth_unstable(at).1)
}

/// A rate per million, as people write it.
fn percent(rate: u32) -> String {
    let (whole, rest) = (rate / 10_000, rate % 10_000);
    let text = format!("{whole}.{rest:04}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_percentages() {
        assert_eq!(percent(100_000), "10 %");
        assert_eq!(percent(300), "0.03 %");
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let mut all: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(percentile(&mut all, 99), Some(199));
        assert_eq!(percentile(&mut [], 99), None);
    }
}
