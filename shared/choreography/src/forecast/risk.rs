//! Whether a run will probably miss its deadline, and when to look again (rule 17: only at what is
//! due).

use model::Timestamp;
use model::name::TaskName;
use model::units::Seconds;

use super::{Forecast, Outlook};

/// The soonest that a run in danger is looked at again.
const SOONEST: Seconds = Seconds::minutes(2);

/// Tasks of the critical path that are told.
const TOLD: usize = 5;

/// What comes of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nothing is to be told before then.
    Again(Timestamp),
    /// In more than half of the scenarios it is late.
    Probable {
        likely_at: Timestamp,
        /// What the likely end waits for, the next one first.
        path: Vec<TaskName>,
    },
    /// Nothing can be foreseen.
    Never,
}

/// Holds the forecast of a run against its deadline, which has not passed.
pub fn look(forecast: &Forecast, deadline_at: Timestamp, now: Timestamp) -> Look {
    match forecast.outlook(deadline_at, now) {
        Outlook::Late => Look::Probable {
            likely_at: forecast.likely,
            path: forecast
                .path
                .iter()
                .take(TOLD)
                .map(|leg| leg.task.clone())
                .collect(),
        },
        // If nothing went on from here, the late end would be at the deadline after what is left.
        Outlook::OnTime | Outlook::AtRisk => {
            let left = Seconds::between(forecast.late, deadline_at).max(SOONEST);
            Look::Again(left.after(now))
        }
        Outlook::Missed => Look::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Leg;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn forecast(likely: i64, late: i64) -> Forecast {
        let leg = |task: usize| Leg {
            task: format!("t{task}").parse().unwrap(),
            ends: at(likely),
            usual: None,
        };
        Forecast {
            likely: at(likely),
            late: at(late),
            path: (0..7).map(leg).collect(),
            scenarios: 3,
            unknown: Vec::new(),
        }
    }

    #[test]
    fn a_run_in_time_is_looked_at_again_when_the_time_that_is_left_is_used_up() {
        // likely, late, when it is looked at again; the deadline is at 1,000 and now is 500
        for (likely, late, expected) in [
            (600, 700, Look::Again(at(800))),
            (600, 950, Look::Again(at(620))),
            (1_000, 1_500, Look::Again(at(620))),
        ] {
            let found = look(&forecast(likely, late), at(1_000), at(500));
            assert_eq!(found, expected, "{likely} {late}");
        }
        assert_eq!(look(&forecast(600, 700), at(100), at(500)), Look::Never);
    }

    #[test]
    fn what_is_late_in_most_scenarios_is_told_with_what_it_waits_for() {
        let Look::Probable { likely_at, path } = look(&forecast(1_001, 1_500), at(1_000), at(500))
        else {
            panic!("it is probable");
        };
        let path: Vec<&str> = path.iter().map(TaskName::as_str).collect();
        assert_eq!(
            (likely_at, path.join(" ")),
            (at(1_001), "t0 t1 t2 t3 t4".to_owned())
        );
    }
}
