//! `rate(value unit)`: instants at a fixed distance from an anchor.
//!
//! A day is 24 hours, whatever the local clock does. Must not know time zones.

use jiff::{SignedDuration, Timestamp};

use super::error::{Piece, ScheduleError};

/// Fires at the anchor and every `period` after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    anchor: Timestamp,
    period: SignedDuration,
}

const UNITS: [(&str, &str, i64); 3] = [
    ("minute", "minutes", 60),
    ("hour", "hours", 3_600),
    ("day", "days", 86_400),
];

impl Rate {
    /// Parses what stands between the parentheses.
    pub(super) fn parse(body: Piece<'_>, anchor: Timestamp) -> Result<Rate, ScheduleError> {
        let words = body.words();
        let [value, unit] = words[..] else {
            return Err(ScheduleError::expression(
                body.range(),
                "rate takes a number and a unit",
                "write e.g. rate(15 minutes), rate(1 hour) or rate(2 days)",
            ));
        };
        let count = value
            .text
            .parse::<u32>()
            .ok()
            .filter(|count| *count > 0 && !value.text.starts_with('+'))
            .ok_or_else(|| {
                ScheduleError::expression(
                    value.range(),
                    format!("`{}` is no positive whole number", value.text),
                    "write e.g. rate(15 minutes)",
                )
            })?;
        let known = UNITS
            .iter()
            .find(|(one, many, _)| unit.text == *one || unit.text == *many);
        let Some((one, many, seconds)) = known else {
            return Err(ScheduleError::expression(
                unit.range(),
                format!("`{}` is no unit of a rate", unit.text),
                "write minute, minutes, hour, hours, day or days",
            ));
        };
        let right = if count == 1 { one } else { many };
        if unit.text != *right {
            return Err(ScheduleError::expression(
                unit.range(),
                format!("AWS refuses `{}` after {count}", unit.text),
                format!("write rate({count} {right})"),
            ));
        }
        Ok(Rate {
            anchor,
            period: SignedDuration::from_secs(i64::from(count) * seconds),
        })
    }

    /// Finds the first firing strictly after `instant`.
    pub(super) fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        if instant < self.anchor {
            Some(self.anchor)
        } else {
            self.nth(self.passed(instant) + 1)
        }
    }

    /// Finds the last firing at or before `instant`.
    pub(super) fn previous_at_or_before(&self, instant: Timestamp) -> Option<Timestamp> {
        if instant < self.anchor {
            None
        } else {
            self.nth(self.passed(instant))
        }
    }

    fn passed(&self, instant: Timestamp) -> i128 {
        (instant.as_nanosecond() - self.anchor.as_nanosecond()) / self.period.as_nanos()
    }

    fn nth(&self, number: i128) -> Option<Timestamp> {
        let nanoseconds = self.anchor.as_nanosecond() + number * self.period.as_nanos();
        Timestamp::from_nanosecond(nanoseconds).ok()
    }
}
