//! `cargo xtask bench`: how fast the durable local engine runs tasks that do nothing.
//!
//! The path is that of real work: the claim is committed before the compute is called, completions
//! return through observe-task's inbox, no state is skipped. Only the process is missing.

mod alerts;
mod measure;
mod meter;
mod report;
mod shapes;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use local::Durability;
use serde::de::DeserializeOwned;

use crate::report::Row;

/// Measures the local engine with tasks that do nothing.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Only shapes whose name contains this.
    #[arg(long, default_value = "")]
    shape: String,
    /// How long each shape is repeated, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// What must be survived: a killed process, or a machine that loses power too.
    #[arg(long, value_enum, default_values_t = [Sync::Normal, Sync::Full])]
    synchronous: Vec<Sync>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Instead: how soon people hear of a failure, and how fast ten thousand of one cluster are folded.
    #[arg(long)]
    alerts: bool,
    /// Measures one shape in this process; what the others are started with.
    #[arg(long, hide = true)]
    only: bool,
    /// The same of alerts.
    #[arg(long, hide = true, value_enum)]
    part: Option<alerts::Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sync {
    Normal,
    Full,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(part) = arguments.part {
        println!("{}", alerts::measure(part)?);
        return Ok(());
    }
    if arguments.alerts {
        return of_alerts(arguments.format);
    }
    let shapes = shapes::all();
    if arguments.only {
        let shape = shapes.iter().find(|shape| shape.name == arguments.shape);
        let shape = shape.ok_or_else(|| anyhow::anyhow!("no shape `{}`", arguments.shape))?;
        let durability = durability(arguments.synchronous[0]);
        let row = measure::shape(shape, durability, Duration::from_secs(arguments.seconds))?;
        println!("{}", serde_json::to_string(&row)?);
        return Ok(());
    }
    let mut rows: Vec<Row> = Vec::new();
    for synchronous in &arguments.synchronous {
        for shape in shapes
            .iter()
            .filter(|shape| shape.name.contains(&arguments.shape))
        {
            eprintln!("{} …", shape.name);
            rows.push(in_a_process_of_its_own(
                shape.name,
                *synchronous,
                arguments.seconds,
            )?);
        }
    }
    match arguments.format {
        Format::Table => print!("{}", report::table(&rows)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
    }
    Ok(())
}

/// So that processor time and memory are those of one shape alone.
fn in_a_process_of_its_own(shape: &str, synchronous: Sync, seconds: u64) -> anyhow::Result<Row> {
    let name = if synchronous == Sync::Normal {
        "normal"
    } else {
        "full"
    };
    let seconds = seconds.to_string();
    measured(&[
        "--only",
        "--shape",
        shape,
        "--synchronous",
        name,
        "--seconds",
        &seconds,
    ])
}

/// Measures something in another process, which says it as JSON.
fn measured<T: DeserializeOwned>(arguments: &[&str]) -> anyhow::Result<T> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let what = arguments.join(" ");
    anyhow::ensure!(output.status.success(), "{what} could not be measured");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn of_alerts(format: Format) -> anyhow::Result<()> {
    let figures = alerts::Figures {
        told: measured(&["--part", "latency"])?,
        folded: measured(&["--part", "folding"])?,
    };
    match format {
        Format::Table => print!("{}", alerts::table(&figures)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&figures)?),
    }
    Ok(())
}

fn durability(synchronous: Sync) -> Durability {
    match synchronous {
        Sync::Normal => Durability::Process,
        Sync::Full => Durability::Power,
    }
}
