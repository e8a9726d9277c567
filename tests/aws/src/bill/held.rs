//! Holds what a task takes to what it took, so that the bill cannot grow unseen.

use crate::ledger::Units;
use crate::load::{self, Load};
use crate::prices::Prices;

/// What a task may take. Raise one only with the bill in mind.
struct Ceiling {
    what: &'static str,
    write_units: f64,
    read_units: f64,
    topic_publishes: f64,
    queue_requests: f64,
    invocations: f64,
}

/// One more step of a chain, under load: claimed, submitted, running, ended are four writes; a
/// place, and clearing it away, are a tenth each; reconcile's look at the instance is shared by
/// twenty steps here.
const STEP: Ceiling = Ceiling {
    what: "one more step of a chain",
    write_units: 4.4,
    read_units: 6.2,
    topic_publishes: 0.35,
    queue_requests: 5.0,
    invocations: 0.45,
};

/// A task of a layer: as a step, with its arrival at the join in a batch of ten, and without a run
/// of its own.
const LAYER: Ceiling = Ceiling {
    what: "a task of a layer",
    write_units: 4.7,
    read_units: 5.4,
    topic_publishes: 0.4,
    queue_requests: 5.0,
    invocations: 0.5,
};

/// How much dearer a task of a layer may be than a step of a chain, in what most of the bill is.
const JOINS: f64 = 1.05;

/// The largest item that is written at every step: beyond it each write is two units.
const KILOBYTE: usize = 1024;

/// Runs small loads whose batches fill, and panics at what is too much.
pub async fn check(prices: &Prices) {
    let short = load::run(&Load::chains(20, 3), prices).await;
    let long = load::run(&Load::chains(20, 6), prices).await;
    let step = long.per_task_beyond(&short);
    hold(&STEP, &step);
    let layers = load::run(&Load::layers(1, 4, 30), prices).await;
    let layer = layers.per_task();
    hold(&LAYER, &layer);
    let billed = |units: &Units| 0.625 * units.write_units + 0.125 * units.read_units;
    let (of_layer, of_step) = (billed(&layer), billed(&long.per_task()));
    assert!(
        of_layer <= of_step * JOINS,
        "a task of a layer takes {of_layer:.2}, one of a chain {of_step:.2}"
    );
    for taken in [&long, &layers] {
        let looks = taken.calls.get(load::LOOK).copied().unwrap_or(0);
        assert!(looks > 0, "nobody counted dead letters");
        assert!(
            f64::from(looks) <= taken.tasks,
            "{looks} looks at dead letters while {} tasks ran",
            taken.tasks
        );
        for kind in ["task", "lot", "run", "join"] {
            let bytes = taken.largest.get(kind).copied().unwrap_or(0);
            assert!(
                bytes <= KILOBYTE,
                "an item of kind {kind} has {bytes} bytes"
            );
        }
    }
    println!("the bill: every unit is within what it may be");
}

fn hold(ceiling: &Ceiling, units: &Units) {
    let counted = [
        ("write units", units.write_units, ceiling.write_units),
        ("read units", units.read_units, ceiling.read_units),
        ("publishes", units.topic_publishes, ceiling.topic_publishes),
        (
            "queue requests",
            units.queue_requests,
            ceiling.queue_requests,
        ),
        ("invocations", units.invocations, ceiling.invocations),
    ];
    for (name, counted, most) in counted {
        println!(
            "the bill: {} takes {counted:.3} {name}, at most {most}",
            ceiling.what
        );
        assert!(counted > 0.0, "{name} are not counted");
        assert!(
            counted <= most,
            "{} takes {counted:.3} {name}, at most {most}",
            ceiling.what
        );
    }
}
