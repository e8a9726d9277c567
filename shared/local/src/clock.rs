//! The engine's clock: the real time, or a time that skips ahead when nothing is in flight.
//!
//! Within one engine it never goes back, whatever the machine's clock does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use model::Timestamp;
use ports::Clock;

/// How far the machine's clock may be off before the engine takes notice, in milliseconds.
const TOLERANCE_MS: i64 = 2_000;

/// How time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockMode {
    /// As it does.
    #[default]
    Real,
    /// From this instant on, or from where the data folder's last engine left off when that is
    /// later; at real speed while anything is in flight, and jumping to the next timer otherwise.
    Skip { start: Timestamp },
}

/// Tells the engine's time; clones show the same.
#[derive(Debug, Clone)]
pub struct EngineClock {
    hands: Arc<Hands>,
}

#[derive(Debug)]
struct Hands {
    mode: ClockMode,
    started: Instant,
    /// The time at `started`, and what was skipped since, in milliseconds.
    base_ms: i64,
    skipped_ms: AtomicI64,
    warned: AtomicBool,
}

impl EngineClock {
    /// Starts a clock; `left_off` is where the last engine's clock stood.
    pub fn start(mode: ClockMode, left_off: Option<Timestamp>) -> Self {
        let base_ms = match mode {
            ClockMode::Real => machine_ms(),
            ClockMode::Skip { start } => left_off
                .map_or(start, |left_off| left_off.max(start))
                .as_millisecond(),
        };
        let hands = Hands {
            mode,
            started: Instant::now(),
            base_ms,
            skipped_ms: AtomicI64::new(0),
            warned: AtomicBool::new(false),
        };
        Self {
            hands: Arc::new(hands),
        }
    }

    /// Whether it may jump.
    pub fn skips(&self) -> bool {
        match self.hands.mode {
            ClockMode::Real => false,
            ClockMode::Skip { .. } => true,
        }
    }

    /// Jumps ahead to an instant; does nothing when that is past.
    pub fn jump(&self, to: Timestamp) {
        let ahead = to.as_millisecond() - self.now_ms();
        if ahead > 0 {
            self.hands.skipped_ms.fetch_add(ahead, Ordering::Relaxed);
        }
    }

    /// Follows the machine's clock when that has jumped ahead, as after a sleep. When it has jumped
    /// back, time goes on from where it was until the engine is started again.
    pub fn follow_machine(&self) {
        if self.skips() {
            return;
        }
        self.follow(machine_ms());
    }

    fn follow(&self, machine_ms: i64) {
        let ahead = machine_ms - self.now_ms();
        if ahead > TOLERANCE_MS {
            tracing::warn!(seconds = ahead / 1000, "the machine's clock jumped ahead");
            self.hands.skipped_ms.fetch_add(ahead, Ordering::Relaxed);
        } else if ahead < -TOLERANCE_MS && !self.hands.warned.swap(true, Ordering::Relaxed) {
            let seconds = -ahead / 1000;
            tracing::warn!(
                seconds,
                "the machine's clock went back; the engine's does not"
            );
        }
    }

    /// How long until an instant, at real speed.
    pub fn until(&self, instant: Timestamp) -> Duration {
        let ms = instant.as_millisecond() - self.now_ms();
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// The time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let hands = &self.hands;
        let passed = i64::try_from(hands.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        hands.base_ms.saturating_add(passed) + hands.skipped_ms.load(Ordering::Relaxed)
    }
}

impl Clock for EngineClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::MAX)
    }
}

#[allow(clippy::disallowed_methods)] // the one place that reads the machine's clock
fn machine_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_clocks_keep_the_contract() {
        let start = instant("2026-03-01T05:00:00.250Z");
        for mode in [ClockMode::Real, ClockMode::Skip { start }] {
            testkit::contract::clock::all(&EngineClock::start(mode, None));
        }
    }

    #[test]
    fn a_skipping_clock_starts_where_it_is_told_or_where_it_left_off() {
        let start = instant("2026-03-01T05:00:00Z");
        let later = instant("2026-03-01T09:00:00Z");
        for (left_off, expected) in [(None, start), (Some(later), later)] {
            let clock = EngineClock::start(ClockMode::Skip { start }, left_off);
            let off = clock.now().duration_since(expected).as_millis();
            assert!((0..5_000).contains(&off), "{off} ms");
        }
        let clock = EngineClock::start(ClockMode::Skip { start: later }, Some(start));
        assert!(
            clock.now() >= later,
            "an earlier instant is not gone back to"
        );
    }

    #[test]
    fn it_jumps_only_ahead() {
        let start = instant("2026-03-01T05:00:00Z");
        let clock = EngineClock::start(ClockMode::Skip { start }, None);
        let noon = instant("2026-03-01T12:00:00Z");
        clock.jump(noon);
        assert!(clock.now() >= noon);
        clock.jump(start);
        assert!(clock.now() >= noon);
    }

    #[test]
    fn a_machines_clock_is_followed_ahead_and_never_back() {
        let clock = EngineClock::start(ClockMode::Real, None);
        let before = clock.now_ms();
        let hour = 3_600_000;
        clock.follow(before - hour);
        assert!(clock.now_ms() >= before, "it does not go back");
        clock.follow(before + hour);
        let after = clock.now_ms();
        assert!(
            (hour..hour + 5_000).contains(&(after - before)),
            "{} ms",
            after - before
        );
    }
}
