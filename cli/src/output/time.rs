//! Instants and durations as people read them.

use jiff::ToSpan as _;
use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use model::Timestamp;

use crate::exit::Failure;

/// In which zone instants are shown.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone of this name; `None` when there is none.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Reads an instant (`2026-03-01T05:00:00Z`), a local time (`2026-03-01T05:00`) or the first
    /// instant of a local date (`2026-03-01`).
    pub fn parse(&self, text: &str) -> Result<Timestamp, Failure> {
        let local = |datetime: DateTime| self.0.to_ambiguous_timestamp(datetime).compatible().ok();
        let instant = text.parse::<Timestamp>().ok();
        instant
            .or_else(|| text.parse().ok().and_then(local))
            .ok_or_else(|| {
                Failure::usage(format!("`{text}` is neither an instant nor a date")).help(format!(
                    "write 2026-03-01, 2026-03-01T05:00 (in {}) or 2026-03-01T05:00:00Z",
                    self.name()
                ))
            })
    }

    /// Reads how long ago (`2h`, `3d`, `1w`), or whatever [`Zone::parse`] reads.
    pub fn parse_since(&self, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
        let ago = text
            .parse::<jiff::Span>()
            .ok()
            .filter(|_| !text.starts_with('P'));
        match ago.and_then(|ago| now.to_zoned(self.0.clone()).checked_sub(ago).ok()) {
            Some(since) => Ok(since.timestamp()),
            None => self
                .parse(text)
                .map_err(|failure| failure.help("or write 2h, 3d or 1w")),
        }
    }

    /// The instant to the minute, with its day.
    pub fn weekday(&self, instant: Timestamp) -> String {
        instant
            .to_zoned(self.0.clone())
            .strftime("%a %Y-%m-%d %H:%M")
            .to_string()
    }

    /// The instant to the second, with the date.
    pub fn full(&self, instant: Timestamp) -> String {
        instant
            .to_zoned(self.0.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// The instant in this shape, as `strftime` has it.
    pub fn short(&self, instant: Timestamp, shape: &str) -> String {
        instant.to_zoned(self.0.clone()).strftime(shape).to_string()
    }

    /// Whether two instants fall on the same local date.
    pub fn same_day(&self, one: Timestamp, other: Timestamp) -> bool {
        let date = |instant: Timestamp| self.0.to_datetime(instant).date();
        date(one) == date(other)
    }

    /// The first instant of an instant's local date.
    pub fn midnight(&self, instant: Timestamp) -> Timestamp {
        let midnight = self
            .0
            .to_datetime(instant)
            .date()
            .to_datetime(Time::midnight());
        let first = self.0.to_ambiguous_timestamp(midnight).compatible();
        first.unwrap_or(instant)
    }

    /// The instant at which clocks show so many seconds past midnight of a date; `None` when they
    /// never do.
    pub fn wall_clock(&self, midnight: Timestamp, seconds: i32) -> Option<Timestamp> {
        let date = self.0.to_datetime(midnight).date();
        let time = Time::midnight().checked_add(seconds.seconds()).ok()?;
        let shown = self.0.to_ambiguous_timestamp(date.to_datetime(time));
        match shown.offset() {
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                shown.compatible().ok()
            }
        }
    }

    /// The instant to the second, with the date only where it is another than `beside`'s.
    pub fn beside(&self, instant: Timestamp, beside: Timestamp) -> String {
        let date = |instant: Timestamp| self.0.to_datetime(instant).date();
        let shape = if date(instant) == date(beside) {
            "%H:%M:%S"
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        instant.to_zoned(self.0.clone()).strftime(shape).to_string()
    }
}

/// The time from one instant to a later one, in its two greatest units.
pub fn took(from: Timestamp, to: Timestamp) -> String {
    let milliseconds = to.duration_since(from).as_millis().max(0);
    let seconds = milliseconds / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10 => {
            format!("{}.{}s", seconds, milliseconds % 1000 / 100)
        }
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_local_times_and_dates_are_read() {
        let zone = Zone::named("America/New_York").unwrap();
        for (text, expected) in [
            ("2026-03-01T05:00:00Z", "2026-03-01T05:00:00Z"),
            ("2026-03-01T05:00", "2026-03-01T10:00:00Z"),
            ("2026-03-01", "2026-03-01T05:00:00Z"),
            ("2026-03-08T02:30", "2026-03-08T07:30:00Z"),
        ] {
            assert_eq!(zone.parse(text).unwrap().to_string(), expected);
        }
        assert!(zone.parse("tomorrow").is_err());
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        let from = Timestamp::UNIX_EPOCH;
        for (milliseconds, expected) in [
            (0, "0.0s"),
            (1_250, "1.2s"),
            (59_900, "59s"),
            (61_000, "1m01s"),
            (7_260_000, "2h01m"),
            (90_000_000, "1d01h"),
        ] {
            let to = Timestamp::from_millisecond(milliseconds).unwrap();
            assert_eq!(took(from, to), expected);
        }
        assert_eq!(took(Timestamp::from_second(5).unwrap(), from), "0.0s");
    }
}
