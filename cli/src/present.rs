//! The present instant, for what is asked relative to now.

use model::Timestamp;

/// Tells the time.
#[allow(clippy::disallowed_methods)] // the program's own clock
pub fn now() -> Timestamp {
    Timestamp::now()
}
