//! `cargo xtask bench --bill`: what the functions take on AWS, in billed units and dollars.
//!
//! The functions run over the real adapters against an emulator, in batches as Lambda's poller has
//! them; what they ask for is what is counted. Without options it is a test that holds the units.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

#[path = "../../../../shared/aws/tests/contracts/bus_bench.rs"]
#[allow(dead_code)] // the contracts use more of it
mod bus_bench;
#[path = "../calls.rs"]
#[allow(dead_code)]
mod calls;
#[path = "../deployment.rs"]
#[allow(dead_code)]
mod deployment;
#[path = "../../../../shared/aws/tests/contracts/emulator.rs"]
#[allow(dead_code)] // the contracts use more of it
mod emulator;
#[allow(dead_code)] // its tests run with the suite `aws`, this is no test program
mod ledger;
mod load;
mod prices;
mod size;
#[path = "../../../../shared/aws/tests/contracts/stand_in.rs"]
#[allow(dead_code)] // the contracts use more of it
mod stand_in;
#[path = "../../../../shared/aws/tests/contracts/table.rs"]
mod table;
#[path = "../../../../shared/aws/tests/contracts/wire.rs"]
#[allow(dead_code)] // the contracts use more of it
mod wire;

use load::Load;
use prices::{Dollars, Prices};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let prices = Prices::read();
    let only = std::env::args().nth(1).unwrap_or_default();
    for load in [
        Load::chains(50, 10),
        Load::layers(1, 10, 50),
        Load::fan(1, 200),
    ] {
        if !load.name.contains(&only) {
            continue;
        }
        let begun = std::time::Instant::now();
        let taken = load::run(&load, &prices).await;
        println!(
            "{} {:?} batch {:.1} cpu {:.3} ms/call",
            load.name,
            begun.elapsed(),
            taken.batch,
            taken.processor_milliseconds_per_call
        );
        for (function, units) in &taken.by_function {
            let units = units.per(taken.tasks);
            println!(
                "  {function:<14} ${:.3} {units:.3?}",
                Dollars::of(&units, &prices).total() * 1e6
            );
        }
        let units = taken.per_task();
        println!(
            "  all {units:.3?} {:.3?} total {:.3}",
            Dollars::of(&units, &prices),
            Dollars::of(&units, &prices).total() * 1e6
        );
        println!("  largest {:?}", taken.largest);
        let calls: std::collections::BTreeMap<_, _> = taken
            .calls
            .iter()
            .map(|(name, n)| (name.as_str(), format!("{:.2}", f64::from(*n) / taken.tasks)))
            .collect();
        println!("  calls {calls:?}");
    }
}
