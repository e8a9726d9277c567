//! How good forecasts would have been: each earlier run, forecast at its start from those before it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use model::Timestamp;

use super::{Going, Past, forecast};
use crate::plan::Plan;

/// A run that has succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub took: Past,
}

/// How forecasts of a workflow's runs came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// How many runs had enough others before them.
    pub runs: usize,
    /// How many ended by their likely end; half of them should.
    pub by_likely: usize,
    /// How many ended by their late end; nine of ten should.
    pub by_late: usize,
    /// How far the likely end was off, in half of the runs at most.
    pub off: SignedDuration,
}

/// Looks back over ended runs, the newest first; `None` when none had enough others before it.
pub fn calibration(plan: &Plan, runs: &[Ended]) -> Option<Calibration> {
    let took: Vec<Past> = runs.iter().map(|run| run.took.clone()).collect();
    let progress = BTreeMap::new();
    let (mut by_likely, mut by_late, mut off) = (0, 0, Vec::new());
    for (number, run) in runs.iter().enumerate() {
        let going = Going {
            plan,
            started_at: run.started_at,
            progress: &progress,
            now: run.started_at,
        };
        let Some(told) = forecast(&going, &took[number + 1..]) else {
            break;
        };
        by_likely += usize::from(run.ended_at <= told.likely);
        by_late += usize::from(run.ended_at <= told.late);
        off.push(run.ended_at.duration_since(told.likely).abs());
    }
    let runs = off.len();
    super::median(off.into_iter()).map(|off| Calibration {
        runs,
        by_likely,
        by_late,
        off,
    })
}

#[cfg(test)]
mod tests {
    use testkit::flow::workflow;

    use super::*;

    #[test]
    fn each_run_is_judged_by_those_before_it_alone() {
        let plan = Plan::of(workflow(&[("only", &[], "")])).unwrap();
        let run = |day: i64, took: i64| {
            let took = SignedDuration::from_secs(took);
            let started_at = Timestamp::from_second(day * 86_400).unwrap();
            Ended {
                started_at,
                ended_at: started_at + took,
                took: [("only".parse().unwrap(), took)].into(),
            }
        };
        // Newest first. 1,000 could not be foreseen; 60 comes after 50, 50, 60 and 70.
        let runs = [
            run(6, 1_000),
            run(5, 60),
            run(4, 50),
            run(3, 70),
            run(2, 60),
            run(1, 50),
        ];
        let expected = Calibration {
            runs: 3,
            by_likely: 1,
            by_late: 2,
            off: SignedDuration::from_secs(10),
        };
        assert_eq!(calibration(&plan, &runs), Some(expected));
        assert_eq!(calibration(&plan, &runs[3..]), None);
    }
}
