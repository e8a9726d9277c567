//! A clock that tests set.

use std::sync::Mutex;

use model::Timestamp;
use model::units::Seconds;
use ports::Clock;

use super::lock;

/// Stands still until it is told otherwise.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// Starts at an instant.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: Mutex::new(now),
        }
    }

    /// Jumps to an instant, also backwards.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.now) = now;
    }

    /// Lets time pass.
    pub fn pass(&self, time: Seconds) {
        let mut now = lock(&self.now);
        *now = time.after(*now);
    }
}

impl Default for ManualClock {
    /// Starts on 2026-03-01, five in the morning UTC: midnight in New York.
    fn default() -> Self {
        Self::at(crate::instant("2026-03-01T05:00:00Z"))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.now)
    }
}
