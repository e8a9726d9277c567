//! `cargo xtask`: what people do to this project itself. One file per task.
//!
//! It stays small, because every task waits for it to be built: what needs the house's own crates
//! runs as a process of its own.

mod bench;
mod cold_start;
mod demo;
mod mistakes;
mod package;
mod project;
mod schema;
mod simulate;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tests, shows, measures and packages murmur.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Test(test::Arguments),
    Demo(demo::Arguments),
    Bench(bench::Arguments),
    Simulate(simulate::Arguments),
    Mistakes(mistakes::Arguments),
    Package(package::Arguments),
    Schema(schema::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Simulate(arguments) => simulate::run(&arguments),
        Task::Mistakes(arguments) => mistakes::run(&arguments),
        Task::Package(arguments) => package::run(&arguments),
        Task::Schema(arguments) => schema::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
