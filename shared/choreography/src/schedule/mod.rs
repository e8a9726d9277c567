//! When a schedule fires: the expressions of EventBridge Scheduler, with exactly its semantics.
//!
//! Pure: takes instants and gives instants. Must not know the current time, definitions or runs.
//! `cron` knows wall-clock times, `zone` the daylight-saving rule between them and instants; this module
//! joins the two, `catch_up` decides about slots that were missed.

mod at;
mod catch_up;
mod cron;
mod dst_note;
mod error;
mod field;
mod rate;
mod zone;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::cron::Cron;
use self::error::Piece;
use self::rate::Rate;

pub use self::catch_up::{Missed, missed};
pub use self::dst_note::{ClockChange, DstNote, dst_note};
pub use self::error::{ScheduleError, SchedulePart};
pub use self::zone::wall_clock_deadline;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Answers when an expression fires in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    expression: Expression,
    zone: TimeZone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    Cron(Box<Cron>),
    Rate(Rate),
    At(DateTime),
}

impl Schedule {
    /// Parses `cron(…)`, `rate(…)` or `at(…)` and the name of an IANA time zone.
    ///
    /// `anchor` is a rate's first firing (the schedule's start); the other expressions ignore it. An
    /// `at` inside a gap of the zone parses, and never fires.
    pub fn parse(
        expression: &str,
        timezone: &str,
        anchor: Timestamp,
    ) -> Result<Schedule, ScheduleError> {
        let (kind, body) = split_call(expression)?;
        let expression = match kind {
            "cron" => Expression::Cron(Box::new(Cron::parse(body)?)),
            "rate" => Expression::Rate(Rate::parse(body, anchor)?),
            "at" => Expression::At(at::parse(body)?),
            _ => return Err(unknown_kind(expression)),
        };
        Ok(Schedule {
            expression,
            zone: zone::parse(timezone)?,
        })
    }

    /// Finds the first firing strictly after `instant`.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        match &self.expression {
            Expression::Cron(cron) => {
                let from = self.zone.to_datetime(instant);
                std::iter::successors(cron.at_or_after(from), |wall| {
                    cron.at_or_after(wall.checked_add(MINUTE).ok()?)
                })
                .filter_map(|wall| zone::first_instant(&self.zone, wall))
                .find(|firing| *firing > instant)
            }
            Expression::Rate(rate) => rate.next_after(instant),
            Expression::At(wall) => {
                zone::first_instant(&self.zone, *wall).filter(|firing| *firing > instant)
            }
        }
    }

    /// Finds the last firing at or before `instant`.
    pub fn previous_at_or_before(&self, instant: Timestamp) -> Option<Timestamp> {
        match &self.expression {
            Expression::Cron(cron) => {
                let to = zone::latest_shown(&self.zone, instant);
                std::iter::successors(cron.at_or_before(to), |wall| {
                    cron.at_or_before(wall.checked_sub(MINUTE).ok()?)
                })
                .filter_map(|wall| zone::first_instant(&self.zone, wall))
                .find(|firing| *firing <= instant)
            }
            Expression::Rate(rate) => rate.previous_at_or_before(instant),
            Expression::At(wall) => {
                zone::first_instant(&self.zone, *wall).filter(|firing| *firing <= instant)
            }
        }
    }

    fn previous_before(&self, instant: Timestamp) -> Option<Timestamp> {
        self.previous_at_or_before(instant.checked_sub(SignedDuration::from_nanos(1)).ok()?)
    }

    /// Lists the firings in (`from_exclusive`, `to_inclusive`], oldest first, lazily.
    pub fn between(
        &self,
        from_exclusive: Timestamp,
        to_inclusive: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        let first = self.next_after(from_exclusive);
        std::iter::successors(first, |firing| self.next_after(*firing))
            .take_while(move |firing| *firing <= to_inclusive)
    }

    /// Tells whether nothing fires any more after `instant`.
    pub fn never_fires_after(&self, instant: Timestamp) -> bool {
        self.next_after(instant).is_none()
    }

    /// Gives the zone in which the expression is read.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// Takes `kind(body)` apart.
fn split_call(expression: &str) -> Result<(&str, Piece<'_>), ScheduleError> {
    let whole = Piece {
        text: expression,
        start: 0,
    };
    whole
        .split_once('(')
        .and_then(|(kind, rest)| {
            let body = rest.text.strip_suffix(')')?;
            Some((
                kind.text,
                Piece {
                    text: body,
                    start: rest.start,
                },
            ))
        })
        .ok_or_else(|| unknown_kind(expression))
}

fn unknown_kind(expression: &str) -> ScheduleError {
    let kind = expression.split('(').next().unwrap_or(expression);
    let lower = kind.trim().to_ascii_lowercase();
    let meant = ["cron", "rate", "at"]
        .into_iter()
        .find(|known| lower == *known);
    let hint = match meant {
        Some(known) => format!("write {known}(…), without anything around it"),
        None => "write cron(…), rate(…) or at(…), e.g. cron(15 0 * * ? *)".to_owned(),
    };
    let range = if meant.is_some() {
        0..expression.len()
    } else {
        0..kind.len()
    };
    ScheduleError::expression(
        range,
        format!("`{expression}` is no schedule expression"),
        hint,
    )
}

#[cfg(test)]
mod tests;
