//! `cargo xtask bench --bill`: what the functions take on AWS, in billed units and dollars.
//!
//! The functions run over the real adapters against an emulator, in batches as Lambda's poller has
//! them, and what goes over the wire is what is counted. Without options it is a test: it holds
//! units, which do not depend on prices or on how fast this machine is.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

#[path = "../../../../shared/aws/tests/contracts/bus_bench.rs"]
#[allow(dead_code)] // the contracts use more of it
mod bus_bench;
#[path = "../calls.rs"]
#[allow(dead_code)] // the tests use more of it
mod calls;
#[path = "../deployment.rs"]
#[allow(dead_code)] // the tests use more of it
mod deployment;
#[path = "../../../../shared/aws/tests/contracts/emulator.rs"]
#[allow(dead_code)] // the contracts use more of it
mod emulator;
mod held;
mod idle;
#[allow(dead_code)] // its tests run with the suite `aws`, this is no test program
mod ledger;
mod load;
mod prices;
mod report;
mod size;
#[path = "../../../../shared/aws/tests/contracts/stand_in.rs"]
#[allow(dead_code)] // the contracts use more of it
mod stand_in;
#[path = "../../../../shared/aws/tests/contracts/table.rs"]
mod table;
#[path = "../../../../shared/aws/tests/contracts/wire.rs"]
#[allow(dead_code)] // the contracts use more of it
mod wire;

use clap::{Parser, ValueEnum};
use load::{Load, Taken};
use prices::Prices;
use report::{Cost, Others, Report, Row};

/// Counts what a million task-runs and an idle month cost on AWS.
#[derive(Parser)]
#[command(name = "cargo xtask bench --bill")]
struct Arguments {
    /// Counts and prints; without it the units are only held to what they may be.
    #[arg(long)]
    bill: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// What the test runner adds.
    #[arg(hide = true)]
    ignored: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::parse();
    let prices = Prices::read();
    if !arguments.bill {
        return held::check(&prices).await;
    }
    let report = report(prices).await;
    match arguments.format {
        Format::Table => print!("{}", report.table()),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report).unwrap()),
    }
}

async fn report(prices: Prices) -> Report {
    let mut loads = Vec::new();
    let mut chains: Vec<Taken> = Vec::new();
    for (name, load) in [
        ("50 chains of 10", Load::chains(50, 10)),
        ("50 chains of 20", Load::chains(50, 20)),
        ("10 layers of 50", Load::layers(1, 10, 50)),
        ("fan of 200", Load::fan(1, 200)),
        // Nothing to batch with.
        ("1 chain of 20, alone", Load::chains(1, 20)),
    ] {
        eprintln!("{name} …");
        let taken = load::run(&load, &prices).await;
        loads.push(Row::of(name.to_owned(), &taken, &prices));
        if load.name == "chain" {
            chains.push(taken);
        }
    }
    eprintln!("an idle month …");
    let idle_month = idle::month(&prices).await;
    let others = &prices.others;
    let transitions = f64::from(others.transitions_per_task);
    let hours = f64::from(prices.assumed.hours_per_month);
    Report {
        step_of_a_chain: Cost::of(chains[1].per_task_beyond(&chains[0]), &prices),
        idle_month_dollars: idle_month.iter().map(|item| item.dollars).sum(),
        others: Others {
            step_functions_standard: transitions
                * others.step_functions_standard_per_million_transitions,
            mwaa_smallest_month: hours * others.mwaa_smallest_per_hour,
        },
        prices,
        loads,
        idle_month,
    }
}
