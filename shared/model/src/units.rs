//! Quantities that carry their unit.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Counts whole seconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seconds(pub u64);

impl Seconds {
    /// Spans whole minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * 60)
    }

    /// Spans whole hours.
    pub const fn hours(hours: u64) -> Self {
        Self(hours * 3600)
    }

    /// The instant this long after `instant`; the last instant there is when it would lie beyond.
    pub fn after(self, instant: Timestamp) -> Timestamp {
        let span = SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX));
        instant.checked_add(span).unwrap_or(Timestamp::MAX)
    }

    /// The instant this long before `instant`; the first instant there is when it would lie beyond.
    pub fn before(self, instant: Timestamp) -> Timestamp {
        let span = SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX));
        instant.checked_sub(span).unwrap_or(Timestamp::MIN)
    }

    /// The whole seconds from one instant to a later one; zero when it is not later.
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self(u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (hours, minutes, seconds) {
            (0, 0, s) => write!(f, "{s}s"),
            (0, m, 0) => write!(f, "{m}m"),
            (0, m, s) => write!(f, "{m}m{s}s"),
            (h, 0, 0) => write!(f, "{h}h"),
            (h, m, 0) => write!(f, "{h}h{m}m"),
            (h, m, s) => write!(f, "{h}h{m}m{s}s"),
        }
    }
}
