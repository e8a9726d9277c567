//! What every implementation of a port must do, as functions that run against any of them.
//!
//! A suite takes a maker of fresh, empty adapters and panics where one differs from the contract.
//! Indexes may lag, so what they say is awaited for a while.

pub mod archive;
pub mod bus;
pub mod clock;
pub mod compute;
pub mod mirror;
pub mod names;
pub mod notifier;
pub mod store;

use std::time::Duration;

/// How often something that may lag is looked at again, and how long in between.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is as expected.
async fn settles<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    ask: impl AsyncFn() -> T,
) {
    let mut answer = ask().await;
    for _ in 1..LOOKS {
        if answer == expected {
            return;
        }
        // The one wait there is: an index has no fact to wait for.
        std::thread::sleep(PAUSE);
        answer = ask().await;
    }
    assert_eq!(answer, expected, "{what}");
}
