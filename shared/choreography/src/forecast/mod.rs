//! The probable end of a run: what is left of it, taking as long as it took in earlier runs.
//!
//! Each earlier run is one scenario, in which every task takes what it took then; so what was slow
//! together is slow together. The ends of all scenarios, in order, are the forecast. Must not know
//! where histories come from.

mod calibration;
pub mod risk;
mod slow;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use model::Timestamp;
use model::name::TaskName;

use crate::plan::{Consumers, Plan};
pub use calibration::{Calibration, Ended, calibration};
pub use slow::{longest, slow};

/// The fewest earlier runs a forecast is made from.
pub const FEWEST: usize = 3;
/// The most earlier runs that say anything about the present one.
pub const MOST: usize = 20;

/// How long the tasks of one earlier run took, each from when it was ready to its end.
pub type Past = BTreeMap<TaskName, SignedDuration>;

/// How far a task has come; one that is not named waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It could start then, and has not ended.
    Ready(Timestamp),
    Ended(Timestamp),
}

/// When a run will probably end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// In half of the scenarios it has ended by then.
    pub likely: Timestamp,
    /// In nine of ten it has.
    pub late: Timestamp,
    /// What the likely end waits for: tasks that have not ended, the next one first.
    pub path: Vec<Leg>,
    /// From how many earlier runs.
    pub scenarios: usize,
    /// Tasks of which no earlier run says anything; they are taken to take no time.
    pub unknown: Vec<TaskName>,
}

/// What a forecast says of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// In nine of ten scenarios it is met.
    OnTime,
    /// In at least half of them.
    AtRisk,
    /// In fewer.
    Late,
    /// It has passed.
    Missed,
}

impl Forecast {
    /// Holds the forecast against a deadline.
    pub fn outlook(&self, deadline_at: Timestamp, now: Timestamp) -> Outlook {
        if deadline_at < now {
            Outlook::Missed
        } else if deadline_at < self.likely {
            Outlook::Late
        } else if deadline_at < self.late {
            Outlook::AtRisk
        } else {
            Outlook::OnTime
        }
    }
}

/// A task on the critical path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub task: TaskName,
    /// When it ends in the likely scenario.
    pub ends: Timestamp,
    /// How long it takes in half of the earlier runs.
    pub usual: Option<SignedDuration>,
}

/// A run that is forecast.
#[derive(Debug, Clone)]
pub struct Going<'a> {
    pub plan: &'a Plan,
    pub started_at: Timestamp,
    pub progress: &'a BTreeMap<TaskName, Progress>,
    pub now: Timestamp,
}

/// Forecasts a run from earlier ones, the newest first; `None` when there are too few.
///
/// Every task is taken to run and to wait for all that is above it: what will be skipped makes a
/// run end sooner than its forecast.
pub fn forecast(going: &Going<'_>, past: &[Past]) -> Option<Forecast> {
    let past = &past[..past.len().min(MOST)];
    if past.len() < FEWEST {
        return None;
    }
    let usual: Vec<Option<SignedDuration>> = going
        .plan
        .tasks
        .iter()
        .map(|task| median(past.iter().filter_map(|run| run.get(&task.name)).copied()))
        .collect();
    let mut scenarios: Vec<Scenario> = past
        .iter()
        .map(|run| Scenario::of(going, run, &usual))
        .collect();
    scenarios.sort_by_key(|scenario| scenario.end);
    let at = |percent: usize| &scenarios[(scenarios.len() * percent).div_ceil(100) - 1];
    let likely = at(50);
    let open = |position: &usize| {
        let task = &going.plan.tasks[*position];
        !matches!(going.progress.get(&task.name), Some(Progress::Ended(_)))
    };
    let path = likely.path(going.plan).into_iter().filter(open);
    Some(Forecast {
        likely: likely.end,
        late: at(90).end,
        path: path
            .map(|position| Leg {
                task: going.plan.tasks[position].name.clone(),
                ends: likely.ends[position],
                usual: usual[position],
            })
            .collect(),
        scenarios: scenarios.len(),
        unknown: (0..usual.len())
            .filter(|position| usual[*position].is_none() && open(position))
            .map(|position| going.plan.tasks[position].name.clone())
            .collect(),
    })
}

/// What became of a run in the time another took.
struct Scenario {
    /// By position of the task.
    ends: Vec<Timestamp>,
    end: Timestamp,
}

impl Scenario {
    fn of(going: &Going<'_>, past: &Past, usual: &[Option<SignedDuration>]) -> Self {
        let plan = going.plan;
        let mut ends = vec![going.started_at; plan.tasks.len()];
        let mut missing: Vec<u32> = plan.joins.iter().map(|join| join.width()).collect();
        let mut open: Vec<usize> = plan.roots().map(|root| root as usize).collect();
        while let Some(position) = open.pop() {
            let task = &plan.tasks[position];
            let took = past.get(&task.name).copied().or(usual[position]);
            let took = took.unwrap_or_default();
            ends[position] = match going.progress.get(&task.name) {
                Some(Progress::Ended(at)) => *at,
                // What has run for longer than ever ends at any moment.
                Some(Progress::Ready(since)) => after(*since, took).max(going.now),
                None => after(ready(plan, position, &ends, going).max(going.now), took),
            };
            for feed in &task.feeds {
                let left = &mut missing[feed.join as usize];
                *left -= 1;
                if *left == 0
                    && let Consumers::Tasks(by_rule) = &plan.join(feed.join).consumers
                {
                    open.extend(by_rule.values().flatten().map(|below| *below as usize));
                }
            }
        }
        let end = ends.iter().max().copied().unwrap_or(going.started_at);
        Self { ends, end }
    }

    /// The tasks that the end waits for, each for the one before it.
    fn path(&self, plan: &Plan) -> Vec<usize> {
        let mut path = Vec::new();
        let mut last = (0..self.ends.len()).max_by_key(|position| self.ends[*position]);
        while let Some(position) = last {
            path.push(position);
            let above = u32::try_from(position).map(|position| plan.upstreams_of(position));
            let above = above.unwrap_or_default().iter();
            last = above
                .map(|above| *above as usize)
                .max_by_key(|above| self.ends[*above]);
        }
        path.reverse();
        path
    }
}

/// When the last of those above a task has ended.
fn ready(plan: &Plan, position: usize, ends: &[Timestamp], going: &Going<'_>) -> Timestamp {
    let join = plan.tasks[position].join;
    let above = join.map_or(&[][..], |join| &plan.join(join).upstreams);
    let ended = above.iter().map(|above| ends[*above as usize]).max();
    ended.unwrap_or(going.started_at)
}

fn after(at: Timestamp, took: SignedDuration) -> Timestamp {
    at.checked_add(took).unwrap_or(Timestamp::MAX)
}

/// The middle one, the lower of two.
fn median(values: impl Iterator<Item = SignedDuration>) -> Option<SignedDuration> {
    let mut values: Vec<SignedDuration> = values.collect();
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use testkit::flow::workflow;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn past(took: &[(&str, i64)]) -> Past {
        let took = took.iter();
        took.map(|(name, seconds)| (name.parse().unwrap(), SignedDuration::from_secs(*seconds)))
            .collect()
    }

    fn diamond() -> Plan {
        let above = ["left", "right"];
        Plan::of(workflow(&[
            ("top", &[], ""),
            ("left", &["top"], ""),
            ("right", &["top"], ""),
            ("end", &above, ""),
        ]))
        .unwrap()
    }

    fn told(forecast: &Forecast) -> (i64, i64, Vec<&str>) {
        let path = forecast.path.iter().map(|leg| leg.task.as_str()).collect();
        (forecast.likely.as_second(), forecast.late.as_second(), path)
    }

    #[test]
    fn what_is_left_takes_what_it_took_along_the_longest_path() {
        let plan = diamond();
        let runs: Vec<Past> = [30, 10, 20, 500]
            .map(|left| past(&[("top", 10), ("left", left), ("right", 15), ("end", 5)]))
            .into();
        let cases: [(&[(&str, Progress)], i64, (i64, i64, Vec<&str>)); 4] = [
            (&[], 0, (35, 515, vec!["top", "left", "end"])),
            // It started late, and the rest moves with it.
            (
                &[("top", Progress::Ended(at(100)))],
                100,
                (125, 605, vec!["left", "end"]),
            ),
            // What has run for longer than in half of the runs may end at any moment.
            (
                &[
                    ("top", Progress::Ended(at(10))),
                    ("left", Progress::Ready(at(10))),
                    ("right", Progress::Ended(at(25))),
                ],
                200,
                (205, 515, vec!["left", "end"]),
            ),
            (
                &[
                    ("top", Progress::Ended(at(10))),
                    ("left", Progress::Ended(at(12))),
                    ("right", Progress::Ready(at(10))),
                ],
                13,
                (30, 30, vec!["right", "end"]),
            ),
        ];
        for (progress, now, expected) in cases {
            let progress: BTreeMap<TaskName, Progress> = progress
                .iter()
                .map(|(name, progress)| (name.parse().unwrap(), *progress))
                .collect();
            let going = Going {
                plan: &plan,
                started_at: at(0),
                progress: &progress,
                now: at(now),
            };
            let forecast = forecast(&going, &runs).unwrap();
            assert_eq!(told(&forecast), expected, "{progress:?}");
            assert!(forecast.unknown.is_empty());
        }
    }

    #[test]
    fn a_task_of_which_nothing_is_known_is_named() {
        let plan = diamond();
        let runs = vec![past(&[("top", 10), ("left", 20), ("end", 5)]); 3];
        let progress = BTreeMap::new();
        let mut going = Going {
            plan: &plan,
            started_at: at(0),
            progress: &progress,
            now: at(0),
        };
        let known = forecast(&going, &runs).unwrap();
        assert_eq!(known.unknown, ["right".parse().unwrap()]);
        assert_eq!(known.path[1].usual, Some(SignedDuration::from_secs(20)));
        going.now = at(1_000);
        assert_eq!(forecast(&going, &runs).unwrap().likely, at(1_035));
        assert_eq!(forecast(&going, &runs[..2]), None);
    }

    #[test]
    fn a_task_usually_takes_what_it_took_in_the_middle_of_its_runs() {
        let plan = diamond();
        let progress = BTreeMap::new();
        let going = Going {
            plan: &plan,
            started_at: at(0),
            progress: &progress,
            now: at(0),
        };
        let cases: [(&[i64], i64); 3] = [
            (&[30, 10, 20], 20),
            (&[30, 10, 20, 40], 20),
            (&[5, 4, 3, 2, 1], 3),
        ];
        for (took, usual) in cases {
            let runs = took
                .iter()
                .map(|took| past(&[("top", *took), ("left", 1_000)]));
            let forecast = forecast(&going, &runs.collect::<Vec<_>>()).unwrap();
            let top = &forecast.path[0];
            assert_eq!(
                top.usual,
                Some(SignedDuration::from_secs(usual)),
                "{took:?}"
            );
        }
    }

    #[test]
    fn only_the_newest_runs_count() {
        let plan = diamond();
        let quick = past(&[("top", 1), ("left", 1), ("right", 1), ("end", 1)]);
        let slow = past(&[("top", 99), ("left", 99), ("right", 99), ("end", 99)]);
        let runs = [vec![quick; MOST], vec![slow; 100]].concat();
        let progress = BTreeMap::new();
        let going = Going {
            plan: &plan,
            started_at: at(0),
            progress: &progress,
            now: at(0),
        };
        let forecast = forecast(&going, &runs).unwrap();
        assert_eq!((forecast.late, forecast.scenarios), (at(3), MOST));
    }

    #[test]
    fn a_deadline_is_at_risk_between_the_likely_and_the_late_end() {
        let forecast = Forecast {
            likely: at(100),
            late: at(200),
            path: Vec::new(),
            scenarios: 3,
            unknown: Vec::new(),
        };
        let cases = [
            (10, Outlook::Missed),
            (49, Outlook::Missed),
            (50, Outlook::Late),
            (99, Outlook::Late),
            (100, Outlook::AtRisk),
            (199, Outlook::AtRisk),
            (200, Outlook::OnTime),
        ];
        for (deadline, expected) in cases {
            assert_eq!(
                forecast.outlook(at(deadline), at(50)),
                expected,
                "{deadline}"
            );
        }
    }
}
