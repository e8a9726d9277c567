//! Days of a whole platform, drawn from seeds. `MURMUR_SEEDS` says how many days of each kind,
//! `MURMUR_SEED` plays one alone; `MURMUR_TRACE` prints what happened in it.

use std::env::var;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use simulation_tests::platform::{Plot, Weather, World};

const FINE: Weather = Weather {
    duplicate: 0,
    crash: 0,
    failing_calls: 0,
    odd_answer: 0,
    lost_event: 0,
    lost_tick: 0,
    dying: 0,
    slow: 0,
};

const BAD: Weather = Weather {
    duplicate: 20,
    crash: 10,
    failing_calls: 10,
    odd_answer: 15,
    lost_event: 30,
    lost_tick: 15,
    dying: 2,
    slow: 3,
};

const STORM: Weather = Weather {
    duplicate: 60,
    crash: 30,
    failing_calls: 30,
    odd_answer: 40,
    lost_event: 60,
    lost_tick: 40,
    dying: 6,
    slow: 30,
};

const RUNS: Plot = Plot {
    limits: false,
    clusters: false,
    operations: false,
    refuses: false,
};
const EVERYTHING: Plot = Plot {
    limits: true,
    clusters: true,
    operations: true,
    refuses: true,
};

fn days(kind: u64, share: u64, plot: Plot, weather: Weather) {
    if let Ok(seed) = var("MURMUR_SEED") {
        let seed: u64 = seed.parse().expect("MURMUR_SEED is a number");
        if seed / 1_000_000 == kind {
            day(seed, plot, weather);
        }
        return;
    }
    let count: u64 = var("MURMUR_SEEDS").map_or(20, |count| count.parse().expect("a number"));
    for seed in 0..count * share {
        day(kind * 1_000_000 + seed, plot, weather);
    }
}

fn day(seed: u64, plot: Plot, weather: Weather) {
    let mut world = World::new(seed, plot, weather);
    let lived = world.live();
    if lived.is_err() || var("MURMUR_TRACE").is_ok() {
        for line in world.trace() {
            println!("{line}");
        }
    }
    if let Err(broken) = lived {
        panic!("seed {seed}: {broken}");
    }
}

#[test]
fn fine_days_of_runs_alone() {
    days(1, 1, RUNS, FINE);
}

#[test]
fn fine_days_of_everything_but_people() {
    days(
        2,
        1,
        Plot {
            operations: false,
            refuses: false,
            ..EVERYTHING
        },
        FINE,
    );
}

#[test]
fn bad_days_of_runs_alone() {
    days(3, 1, RUNS, BAD);
}

#[test]
fn bad_days_of_limits() {
    days(
        4,
        1,
        Plot {
            limits: true,
            refuses: true,
            ..RUNS
        },
        BAD,
    );
}

#[test]
fn bad_days_of_clusters_without_a_single_event() {
    days(
        5,
        1,
        Plot {
            clusters: true,
            ..RUNS
        },
        Weather {
            lost_event: 100,
            ..BAD
        },
    );
}

#[test]
fn bad_days_of_everything_but_people() {
    days(
        6,
        1,
        Plot {
            operations: false,
            refuses: false,
            ..EVERYTHING
        },
        BAD,
    );
}

#[test]
fn fine_days_with_people() {
    days(7, 1, EVERYTHING, FINE);
}

#[test]
fn bad_days_with_people() {
    days(8, 2, EVERYTHING, BAD);
}

#[test]
fn stormy_days_of_everything_but_people() {
    let plot = Plot {
        operations: false,
        refuses: false,
        ..EVERYTHING
    };
    days(9, 1, plot, STORM);
}

#[test]
fn stormy_days_with_people() {
    days(10, 1, EVERYTHING, STORM);
}

#[test]
fn stormy_days_of_prompt_submitters() {
    days(11, 1, EVERYTHING, Weather { slow: 0, ..STORM });
}

#[test]
fn days_of_slow_submitters() {
    let weather = Weather {
        slow: 300,
        crash: 5,
        failing_calls: 5,
        ..BAD
    };
    days(12, 1, EVERYTHING, weather);
}

#[test]
fn the_same_seed_is_the_same_day() {
    for seed in [8_000_001, 8_000_002] {
        let [once, again] = [(); 2].map(|()| {
            let mut world = World::new(seed, EVERYTHING, BAD);
            let lived = world.live();
            let mut hasher = DefaultHasher::new();
            world.trace().hash(&mut hasher);
            (lived, hasher.finish())
        });
        assert_eq!(once, again, "seed {seed}");
    }
}
