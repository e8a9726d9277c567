//! The machine's clock.

use std::sync::atomic::{AtomicI64, Ordering};

use model::Timestamp;
use ports::Clock;

/// Tells the machine's time in whole milliseconds; it never goes back while the process lives.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest_ms: AtomicI64,
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place on AWS that reads the machine's clock
    fn now(&self) -> Timestamp {
        let now_ms = Timestamp::now().as_millisecond();
        let before_ms = self.latest_ms.fetch_max(now_ms, Ordering::Relaxed);
        Timestamp::from_millisecond(now_ms.max(before_ms)).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_systems_clock_keeps_the_contract() {
        testkit::contract::clock::all(&super::SystemClock::default());
    }
}
