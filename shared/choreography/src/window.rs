//! Windows of clusters: from a provision instant to the next terminate instant (rule 13).
//!
//! Decides what a provision tick and a failed instance lead to. Must not know how an instance is
//! requested or stored.

use model::Timestamp;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::definition::Cluster;
use model::message::Tick;
use model::units::Seconds;

use crate::schedule::Schedule;

/// A window this much or less of which is left is not worth an instance, unless it is short
/// itself: EMR takes five to ten minutes to bring one up.
const WORTHWHILE: Seconds = Seconds::minutes(10);

/// When a cluster is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The provision instant.
    pub start: Timestamp,
    /// The first terminate instant after it.
    pub end: Timestamp,
}

impl Window {
    /// The window that begins at a provision instant; `None` when nothing ever terminates it.
    pub fn beginning_at(start: Timestamp, terminate: &Schedule) -> Option<Self> {
        let end = terminate.next_after(start)?;
        Some(Self { start, end })
    }

    /// The window an instance belongs to, as it was pinned.
    pub fn of(instance: &Instance) -> Self {
        Self {
            start: instance.window_start,
            end: instance.window_end,
        }
    }

    /// Whether enough of it is left for an instance to be of use.
    pub fn is_worthwhile(self, now: Timestamp) -> bool {
        let half = Seconds::between(self.start, self.end).0 / 2;
        now < self.end && Seconds::between(now, self.end).0 >= WORTHWHILE.0.min(half)
    }
}

/// The earliest start a window can have that ends at a terminate instant: the terminate instant
/// before; `None` when there is none.
pub fn earliest_start(end: Timestamp, terminate: &Schedule) -> Option<Timestamp> {
    let just_before = end.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
    terminate.previous_at_or_before(just_before)
}

/// What becomes of a provision tick nobody has acted on yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnTick {
    /// Request an instance for this window.
    Claim(Window),
    /// Record that the window gets none.
    Skip { window: Window, reason: String },
}

/// Decides about a provision tick; it acts only on the window of its own scheduled instant.
pub fn on_tick(tick: &Tick, removed: bool, terminate: &Schedule, now: Timestamp) -> OnTick {
    let start = tick.scheduled_time;
    let Some(window) = Window::beginning_at(start, terminate) else {
        let window = Window { start, end: start };
        let reason = "no instance: nothing would ever terminate it".to_owned();
        return OnTick::Skip { window, reason };
    };
    let reason = if removed {
        "no instance: the cluster's definition is gone".to_owned()
    } else if tick.skip {
        "no instance: the tick was missed, and catch-up leaves this slot out".to_owned()
    } else if now >= window.end {
        format!(
            "no instance: the tick came after its window ended at {}",
            window.end
        )
    } else if !window.is_worthwhile(now) {
        let late = Seconds::between(start, now);
        let left = Seconds::between(now, window.end);
        format!("no instance: the tick came {late} late, {left} before its window ends")
    } else {
        return OnTick::Claim(window);
    };
    OnTick::Skip { window, reason }
}

/// What follows an instance that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The next instance of the same window.
    Claim(InstanceKey),
    /// None, for this reason.
    None(&'static str),
}

/// Decides whether a failed instance is replaced within its window. `definition` is the one the
/// failed instance pinned; `removed` says that the cluster's file is gone by now.
pub fn replacement(
    failed: &Instance,
    definition: &Cluster,
    removed: bool,
    now: Timestamp,
) -> Replacement {
    let why_not = if failed.state != InstanceState::Failed {
        Some("it did not fail")
    } else if failed.id.is_none() {
        // The same request would be refused again, or came too late already.
        Some("it was never brought up")
    } else if removed {
        Some("the cluster's definition is gone")
    } else if failed.instance.ordinal > definition.replacements {
        Some("all replacements of its window are used up")
    } else if !Window::of(failed).is_worthwhile(now) {
        Some("too little of its window is left")
    } else {
        None
    };
    match why_not {
        Some(reason) => Replacement::None(reason),
        None => Replacement::Claim(InstanceKey {
            ordinal: failed.instance.ordinal + 1,
            ..failed.instance.clone()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::night::{cluster, instance};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn new_york(expression: &str) -> Schedule {
        Schedule::parse(expression, "America/New_York", Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_window_ends_at_the_first_terminate_instant_after_its_start() {
        let cases = [
            (
                "an ordinary night",
                "cron(0 3 * * ? *)",
                "2026-06-01T04:00:00Z",
                Some("2026-06-01T07:00:00Z"),
            ),
            (
                "the night without 02:00 to 03:00",
                "cron(0 3 * * ? *)",
                "2026-03-08T05:00:00Z",
                Some("2026-03-08T07:00:00Z"),
            ),
            (
                "the night with 01:00 to 02:00 twice",
                "cron(0 3 * * ? *)",
                "2026-11-01T04:00:00Z",
                Some("2026-11-01T08:00:00Z"),
            ),
            (
                "a terminate instant in the gap is skipped",
                "cron(30 2 * * ? *)",
                "2026-03-08T05:00:00Z",
                Some("2026-03-09T06:30:00Z"),
            ),
            (
                "an end at the very start is the next day's",
                "cron(0 0 * * ? *)",
                "2026-06-01T04:00:00Z",
                Some("2026-06-02T04:00:00Z"),
            ),
            (
                "the last has gone by",
                "at(2026-05-01T00:00:00)",
                "2026-06-01T04:00:00Z",
                None,
            ),
        ];
        for (name, terminate, start, end) in cases {
            let window = Window::beginning_at(at(start), &new_york(terminate));
            assert_eq!(window.map(|window| window.end), end.map(at), "{name}");
        }
    }

    #[test]
    fn windows_that_end_together_start_after_the_terminate_instant_before() {
        let terminate = new_york("cron(30 2 * * ? *)");
        // Because the gap skipped a terminate instant, two windows end together.
        let earliest = earliest_start(at("2026-03-09T06:30:00Z"), &terminate);
        assert_eq!(earliest, Some(at("2026-03-07T07:30:00Z")));
    }

    #[test]
    fn a_tick_acts_only_while_its_own_window_is_worth_it() {
        let terminate = new_york("cron(0 3 * * ? *)");
        // removed, skip, now; whether it claims, else a word of the reason
        let cases = [
            (false, false, "2026-06-01T04:00:20Z", Ok(())),
            (false, false, "2026-06-01T06:50:00Z", Ok(())),
            (
                false,
                false,
                "2026-06-01T06:50:01Z",
                Err("2h50m1s late".to_owned()),
            ),
            (
                false,
                false,
                "2026-06-01T07:00:00Z",
                Err("after".to_owned()),
            ),
            (
                false,
                false,
                "2026-06-09T07:00:00Z",
                Err("after".to_owned()),
            ),
            (true, false, "2026-06-01T04:00:20Z", Err("gone".to_owned())),
            (
                false,
                true,
                "2026-06-01T04:00:20Z",
                Err("catch-up".to_owned()),
            ),
        ];
        for (removed, skip, now, expected) in cases {
            let tick = Tick {
                schedule: "provision/weather/etl".parse().unwrap(),
                scheduled_time: at("2026-06-01T04:00:00Z"),
                late: false,
                skip,
            };
            let window = Window {
                start: at("2026-06-01T04:00:00Z"),
                end: at("2026-06-01T07:00:00Z"),
            };
            match (on_tick(&tick, removed, &terminate, at(now)), expected) {
                (OnTick::Claim(claimed), Ok(())) => assert_eq!(claimed, window, "{now}"),
                (
                    OnTick::Skip {
                        window: skipped,
                        reason,
                    },
                    Err(word),
                ) => {
                    assert_eq!(skipped, window, "{now}");
                    assert!(reason.contains(&word), "{reason}");
                }
                (got, expected) => panic!("{now}: {got:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_short_window_is_worth_it_for_its_first_half() {
        let window = Window {
            start: at("2026-06-01T04:00:00Z"),
            end: at("2026-06-01T04:04:00Z"),
        };
        for (now, worthwhile) in [
            ("2026-06-01T04:00:00Z", true),
            ("2026-06-01T04:02:00Z", true),
            ("2026-06-01T04:02:01Z", false),
        ] {
            assert_eq!(window.is_worthwhile(at(now)), worthwhile, "{now}");
        }
    }

    #[test]
    fn a_failed_instance_is_replaced_while_that_is_of_use() {
        let definition = cluster();
        assert_eq!(definition.replacements, 2);
        let failed = |ordinal: u32| {
            let mut failed = instance(InstanceState::Failed);
            failed.instance.ordinal = ordinal;
            failed
        };
        let soon = instance(InstanceState::Failed).window_start;
        let end = instance(InstanceState::Failed).window_end;
        let refused = Instance {
            id: None,
            ..failed(1)
        };
        let cases = [
            ("the first", failed(1), false, soon, Some(2)),
            ("the second", failed(2), false, soon, Some(3)),
            ("the last", failed(3), false, soon, None),
            ("never up", refused, false, soon, None),
            ("its file gone", failed(1), true, soon, None),
            ("its window over", failed(1), false, end, None),
            (
                "ended as asked",
                instance(InstanceState::Terminated),
                false,
                soon,
                None,
            ),
        ];
        for (name, failed, removed, now, expected) in cases {
            let next = match replacement(&failed, &definition, removed, now) {
                Replacement::Claim(next) => {
                    assert_eq!(next.window_start, failed.window_start, "{name}");
                    Some(next.ordinal)
                }
                Replacement::None(_) => None,
            };
            assert_eq!(next, expected, "{name}");
        }
    }
}
