//! What every clock must do.

use ports::Clock;

/// Runs the whole suite.
///
/// # Panics
/// Where the clock differs from the contract.
pub fn all(clock: &impl Clock) {
    let mut before = clock.now();
    for _ in 0..1000 {
        let now = clock.now();
        assert!(now >= before, "time went back from {before} to {now}");
        assert_eq!(
            now.subsec_nanosecond() % 1_000_000,
            0,
            "{now} is no whole millisecond"
        );
        before = now;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manual_clock_keeps_the_contract() {
        super::all(&crate::ManualClock::default());
    }
}
