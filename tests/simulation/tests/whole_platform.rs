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

const WITHOUT_PEOPLE: Plot = Plot {
    operations: false,
    refuses: false,
    ..EVERYTHING
};

/// A kind of day; its number leads the numbers of its seeds.
struct Kind {
    number: u64,
    plot: Plot,
    weather: Weather,
    /// How many days of it are played for each one that is asked for.
    share: u64,
    /// Days on which something was found once.
    found: &'static [u64],
}

fn play(kind: &Kind) {
    let day = |seed| day(kind.number * 1_000_000 + seed, kind.plot, kind.weather);
    if let Ok(seed) = var("MURMUR_SEED") {
        let seed: u64 = seed.parse().expect("MURMUR_SEED is a number");
        if seed / 1_000_000 == kind.number {
            day(seed % 1_000_000);
        }
        return;
    }
    let asked = var("MURMUR_SEEDS").map_or(8, |count| count.parse().expect("a number"));
    kind.found.iter().copied().for_each(day);
    (0..asked * kind.share).for_each(day);
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
    play(&Kind {
        number: 1,
        plot: RUNS,
        weather: FINE,
        share: 1,
        found: &[],
    });
}

#[test]
fn fine_days_of_everything_but_people() {
    play(&Kind {
        number: 2,
        plot: WITHOUT_PEOPLE,
        weather: FINE,
        share: 1,
        found: &[0],
    });
}

#[test]
fn bad_days_of_runs_alone() {
    play(&Kind {
        number: 3,
        plot: RUNS,
        weather: BAD,
        share: 1,
        found: &[],
    });
}

#[test]
fn bad_days_of_limits() {
    play(&Kind {
        number: 4,
        plot: Plot {
            limits: true,
            refuses: true,
            ..RUNS
        },
        weather: BAD,
        share: 1,
        found: &[],
    });
}

#[test]
fn bad_days_of_clusters_without_a_single_event() {
    play(&Kind {
        number: 5,
        plot: Plot {
            clusters: true,
            ..RUNS
        },
        weather: Weather {
            lost_event: 100,
            ..BAD
        },
        share: 1,
        found: &[7],
    });
}

#[test]
fn bad_days_of_everything_but_people() {
    play(&Kind {
        number: 6,
        plot: WITHOUT_PEOPLE,
        weather: BAD,
        share: 1,
        found: &[0, 3, 42, 55],
    });
}

#[test]
fn fine_days_with_people() {
    play(&Kind {
        number: 7,
        plot: EVERYTHING,
        weather: FINE,
        share: 1,
        found: &[1, 4, 19],
    });
}

#[test]
fn bad_days_with_people() {
    play(&Kind {
        number: 8,
        plot: EVERYTHING,
        weather: BAD,
        share: 2,
        found: &[12, 14, 45, 396],
    });
}

#[test]
fn stormy_days_of_everything_but_people() {
    play(&Kind {
        number: 9,
        plot: WITHOUT_PEOPLE,
        weather: STORM,
        share: 1,
        found: &[33, 138],
    });
}

#[test]
fn stormy_days_with_people() {
    play(&Kind {
        number: 10,
        plot: EVERYTHING,
        weather: STORM,
        share: 1,
        found: &[6],
    });
}

#[test]
fn stormy_days_of_prompt_submitters() {
    play(&Kind {
        number: 11,
        plot: EVERYTHING,
        weather: Weather { slow: 0, ..STORM },
        share: 1,
        found: &[16],
    });
}

#[test]
fn days_of_slow_submitters() {
    play(&Kind {
        number: 12,
        plot: EVERYTHING,
        weather: Weather {
            slow: 300,
            crash: 5,
            failing_calls: 5,
            ..BAD
        },
        share: 1,
        found: &[2],
    });
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
