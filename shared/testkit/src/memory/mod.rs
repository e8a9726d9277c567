//! The ports in memory. They behave as the contract suites demand and keep everything for tests to
//! look at.

pub mod archive;
pub mod bus;
pub mod clock;
pub mod compute;
pub mod mirror;
pub mod names;
pub mod notifier;
mod rows;
pub mod store;
pub mod test_ports;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a test's thread died while it held the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
