//! A few simulated days of a whole platform; `cargo xtask simulate` lives through many more.

use std::time::Duration;

use simulation_tests::platform::invariants::Invariant;
use simulation_tests::platform::script::Script;
use simulation_tests::play;
use simulation_tests::report::Totals;
use simulation_tests::shrink;

/// Seeds on which something was found once, with what it was.
const FOUND: &[(u64, &str)] = &[
    (
        62,
        "who opened a generation crashed, and never told that it had started",
    ),
    (67, "a refusal was never told once its run had ended"),
    (135, "a place was freed under an attempt that lives"),
    (
        166,
        "a submitter whose claim was taken over kept what it took since",
    ),
    (
        188,
        "the end of an attempt was never told once a rerun had replaced it",
    ),
    (
        280,
        "a skip was never told once a rerun had taken an edition without its task",
    ),
    (
        355,
        "that an attempt is tried again was never told once a rerun had replaced it",
    ),
    (
        593,
        "that a run had succeeded was never told once it ran again",
    ),
    (701, "a skip was never told once a rerun had replaced it"),
    (
        692,
        "a submitter freed the places of an attempt that went on under its own claim",
    ),
    (948, "a skip was never told once its run was cancelled"),
    (
        1120,
        "a rerun of a running run took no place of its backfill",
    ),
    (
        1242,
        "that a run had started was never told once it had ended",
    ),
    (
        1391,
        "a submitter that slept took its successor's place of a pool, and freed it",
    ),
    (
        1522,
        "that a run was cancelled was never told once it ran again",
    ),
    (
        1893,
        "a submitter freed the open step of an attempt that went on under its own claim",
    ),
    (
        3707,
        "a submitter that slept took its successor's place of open steps, and freed it",
    ),
    (
        4646,
        "skips below a wide join were never told once the run was cancelled",
    ),
    (
        4782,
        "the end of a stray was taken for that of an attempt that waited",
    ),
    (7149, "a skip was never told once its run was cancelled"),
    (
        13164,
        "the end of a stray was taken for that of a claimed attempt",
    ),
    (16637, "one end of an attempt was told in two ways"),
    (
        17323,
        "a stray that was taken for an attempt that waited made its cancellation go round for ever",
    ),
];

/// The same since teams hear of incidents.
const FOUND_WITH_ALERTS: &[(u64, &str)] = &[
    (
        4,
        "a post after one that nobody answered called itself the first",
    ),
    (
        535,
        "who had perhaps read that it is open was never told that it is over",
    ),
    (
        1261,
        "a run that failed of an older failure was in no incident",
    ),
    (
        1023,
        "one operation opened two generations, and the first was never told",
    ),
    (8161, "two marks of one instant told each other for ever"),
    (
        9551,
        "a repeated fact asked for a look now and not for the one that others relied on",
    ),
    (
        10578,
        "a skip below a mark was never told once the mark had opened its generation",
    ),
    (
        7210,
        "a rerun that waited for its backfill kept the turn it had of another limit to itself",
    ),
    (
        9157,
        "a submission that came too late and was stopped failed the attempt that waited",
    ),
    (
        13043,
        "one submission's failure sent the retry out while another of its attempt ran",
    ),
];

/// The same on days as they are drawn now, of which most are small.
const FOUND_ON_SMALL_DAYS: &[(u64, &str)] = &[
    (
        28774,
        "a run that slept before it took a place held two, and only one that waited went on once it had ended",
    ),
    (
        29150,
        "a submitter that slept freed the places of an attempt that another had committed under its claim",
    ),
    (
        105_300,
        "an attempt of a cancelled run was claimed by who had glanced at the run before, after its message was gone",
    ),
    (
        116_082,
        "a batch that had an attempt twice and slept past its own lease submitted it twice",
    ),
    (
        127_999,
        "a look at an incident was over by one clock and to come by another, so nobody looked again",
    ),
    (
        198_614,
        "what was decided behind a task that was run again alone was never told once its teller had crashed",
    ),
    (
        239_546,
        "a step was committed under a claim that had no place at its instance yet, and nobody looked at it",
    ),
    (
        294_465,
        "a message that was held until quiet hours were over was taken for one that a replay caused",
    ),
    (
        295_690,
        "a task that waited in a paused run waited for ever once it was in the plan no more",
    ),
    (
        557_066,
        "an attempt that had its place already was released once more, and others waited beside a free place",
    ),
    (
        584_702,
        "a rerun that found another limit full gave back the place of a run that had been rerun meanwhile",
    ),
    (
        647_092,
        "the end of an attempt that a person had cancelled was told once more, after a rerun had replaced it",
    ),
    (
        719_549,
        "an attempt of a rerun was claimed after that had been cancelled and its message was gone",
    ),
];

fn day(script: &Script, totals: &mut Totals) {
    if let Err(failure) = play::day(script, totals) {
        let smallest = shrink::smallest(&failure);
        panic!("{}", shrink::story(&smallest, false));
    }
}

#[test]
fn days_on_which_something_was_found_are_fine_now() {
    for (seed, _) in FOUND {
        // Alerts came later: with them these would be other days.
        day(
            &Script::whole(*seed).without_alerts(),
            &mut Totals::default(),
        );
    }
    for (seed, _) in FOUND_WITH_ALERTS {
        day(&Script::whole(*seed), &mut Totals::default());
    }
    for (seed, _) in FOUND_ON_SMALL_DAYS {
        day(&Script::of(*seed), &mut Totals::default());
    }
}

#[test]
fn a_day_that_breaks_is_a_violation_in_the_table() {
    let mut totals = Totals::default();
    totals.note_broken(Invariant::LimitsHold);
    let mut others = Totals::default();
    others.note_broken(Invariant::LimitsHold);
    totals.merge(others);
    let table = totals.table(Duration::from_secs(1));
    let violations = |number: &str| {
        let mut rows = table.lines().filter(|row| row.starts_with(number));
        rows.next()
            .and_then(|row| row.split_whitespace().last().map(str::to_owned))
    };
    assert_eq!(violations("12 no limit").as_deref(), Some("2"));
    assert_eq!(violations("10 lower").as_deref(), Some("0"));
    assert_eq!(totals.seeds, 2);
}

#[test]
fn hostile_days_end_well() {
    let mut totals = Totals::default();
    for seed in 1_000_000..1_000_060 {
        day(&Script::of(seed), &mut totals);
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
