//! The time axis: which cell an instant falls into, and where the local hours are.

use jiff::SignedDuration;
use model::Timestamp;

use crate::output::time::Zone;

/// Steps between marks, in seconds; the narrowest that leaves room for the labels is taken.
const STEPS: [i32; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600,
    43_200, DAY, 604_800,
];
const DAY: i32 = 86_400;

/// How marks of this step are labelled, and how many cells a label and a blank take.
fn label(step: i32) -> (&'static str, i64) {
    match step {
        ..60 => ("%H:%M:%S", 9),
        60..DAY => ("%H:%M", 6),
        DAY.. => ("%m-%d", 6),
    }
}

/// A stretch of time laid over cells.
#[derive(Debug, Clone, Copy)]
pub struct Ruler {
    pub from: Timestamp,
    pub to: Timestamp,
    pub cells: usize,
}

impl Ruler {
    /// The cell an instant falls into; the first or the last for what lies outside.
    pub fn cell(&self, instant: Timestamp) -> usize {
        let whole = self.to.duration_since(self.from).as_millis().max(1);
        let part = instant
            .duration_since(self.from)
            .as_millis()
            .clamp(0, whole);
        let cell = part * self.cells as i128 / whole;
        usize::try_from(cell)
            .unwrap_or(0)
            .min(self.cells.saturating_sub(1))
    }

    /// Where the labelled instants are, left to right.
    pub fn marks(&self, zone: &Zone) -> Vec<(usize, String)> {
        let seconds = self.to.duration_since(self.from).as_secs();
        let room = |step: &i32| i64::from(*step) * self.cells as i64 >= label(*step).1 * seconds;
        let step = STEPS
            .into_iter()
            .find(room)
            .unwrap_or(STEPS[STEPS.len() - 1]);
        let (shape, _) = label(step);
        let mut marks = Vec::new();
        let mut day = self.from;
        while day < self.to {
            let midnight = zone.midnight(day);
            // Of the first day only what may be seen: seconds of a whole day are many.
            let first = (day.duration_since(midnight).as_secs() - 7_200).max(0);
            let first = i32::try_from(first).unwrap_or(0) / step * step;
            for at in (first..DAY).step_by(step.unsigned_abs() as usize) {
                let Some(instant) = zone.wall_clock(midnight, at) else {
                    continue;
                };
                if instant >= self.to {
                    break;
                }
                if (self.from..self.to).contains(&instant) {
                    marks.push((self.cell(instant), zone.short(instant, shape)));
                }
            }
            let days = i64::from((step / DAY).max(1));
            match midnight.checked_add(SignedDuration::from_hours(24 * days + 2)) {
                Ok(next) => day = zone.midnight(next),
                Err(_) => break,
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(zone: &str, from: &str, to: &str, cells: usize) -> String {
        let zone = Zone::named(zone).unwrap();
        let at = |text: &str| zone.parse(text).unwrap();
        let ruler = Ruler {
            from: at(from),
            to: at(to),
            cells,
        };
        let marks = ruler.marks(&zone).into_iter();
        marks
            .map(|(cell, label)| format!("{cell}:{label}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn marks_stand_at_round_local_times_as_close_as_there_is_room() {
        for (from, to, cells, expected) in [
            (
                "2026-03-02",
                "2026-03-03",
                48,
                "0:00:00 6:03:00 12:06:00 18:09:00 24:12:00 30:15:00 36:18:00 42:21:00",
            ),
            (
                "2026-03-02T23:00",
                "2026-03-03T02:30",
                21,
                "0:23:00 6:00:00 12:01:00 18:02:00",
            ),
            ("2026-03-01", "2026-03-04", 18, "0:03-01 6:03-02 12:03-03"),
            (
                "2026-03-02T00:15:00",
                "2026-03-02T00:15:40",
                40,
                "0:00:15:00 10:00:15:10 20:00:15:20 30:00:15:30",
            ),
        ] {
            assert_eq!(marks("America/Los_Angeles", from, to, cells), expected);
        }
    }

    #[test]
    fn a_local_time_that_does_not_exist_has_no_mark() {
        let marks = marks("America/Los_Angeles", "2026-03-08", "2026-03-08T06:00", 35);
        assert_eq!(marks, "0:00:00 7:01:00 14:03:00 21:04:00 28:05:00");
    }

    #[test]
    fn what_lies_outside_falls_into_the_outermost_cells() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let ruler = Ruler {
            from: second(100),
            to: second(200),
            cells: 10,
        };
        for (instant, cell) in [
            (0, 0),
            (100, 0),
            (109, 0),
            (110, 1),
            (199, 9),
            (200, 9),
            (999, 9),
        ] {
            assert_eq!(ruler.cell(second(instant)), cell, "{instant}");
        }
    }
}
