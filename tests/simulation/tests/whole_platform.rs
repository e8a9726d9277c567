//! A few simulated days of a whole platform; `cargo xtask simulate` lives through many more.

use simulation_tests::platform::script::Script;
use simulation_tests::play;
use simulation_tests::report::Totals;
use simulation_tests::shrink;

/// Seeds on which something was found once.
const FOUND: [u64; 0] = [];

fn day(seed: u64, totals: &mut Totals) {
    if let Err(failure) = play::seed(seed, totals) {
        let smallest = shrink::smallest(&failure);
        panic!("{}", shrink::story(&smallest, false));
    }
}

#[test]
fn days_on_which_something_was_found_are_fine_now() {
    for seed in FOUND {
        day(seed, &mut Totals::default());
    }
}

#[test]
fn hostile_days_end_well() {
    let mut totals = Totals::default();
    for seed in 1_000_000..1_000_060 {
        day(seed, &mut totals);
    }
    assert!(totals.runs > 0 && totals.fired.iter().sum::<u64>() > 0);
}

#[test]
fn the_same_seed_is_the_same_day() {
    for seed in 0..3 {
        let hash = || {
            play::live(&Script::of(seed))
                .map(|lived| lived.hash)
                .expect("a fine day")
        };
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
