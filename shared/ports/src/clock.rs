//! The present instant.

use model::Timestamp;

/// Tells the time. Instants are whole milliseconds, so that what is stored reads back the same.
pub trait Clock {
    fn now(&self) -> Timestamp;
}
