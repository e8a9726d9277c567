//! The present instant, for what is asked relative to now.

use local::{ClockMode, EngineClock};
use model::Timestamp;
use ports::Clock as _;

/// Tells the machine's time, as an engine that goes by it does.
pub fn now() -> Timestamp {
    EngineClock::start(ClockMode::Real, None).now()
}
