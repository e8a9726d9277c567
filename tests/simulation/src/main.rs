//! Lives through many simulated days and reports what went wrong in them on purpose, what was
//! checked, and whether it held. Run by `cargo xtask simulate`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use simulation_tests::play::{self, Failure, Kind, Order};
use simulation_tests::{shrink, year};

/// A day is a million small texts that come and go.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulates hostile days and checks every guarantee.
#[derive(Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stops after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Threads among which the seeds are split.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Tells the story of the one seed, also when all is well.
    #[arg(long)]
    story: bool,
    /// Goes on after a failure and lists every seed that fails, each with what broke; of a story, tells
    /// every line.
    #[arg(long)]
    all: bool,
    /// Whole days only; of five days four are small otherwise.
    #[arg(long)]
    whole: bool,
    /// Whole days on which no team hears of incidents.
    #[arg(long)]
    without_alerts: bool,
    /// Lives through a fine year of a thousand runs a day instead.
    #[arg(long)]
    year: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Arguments {
    fn kind(&self) -> Kind {
        if self.without_alerts {
            Kind::WholeWithoutAlerts
        } else if self.whole {
            Kind::Whole
        } else {
            Kind::Any
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic is told with its story.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.story {
        print!(
            "{}",
            shrink::story(
                &play::script(arguments.seed, arguments.kind()),
                arguments.all
            )
        );
        return ExitCode::SUCCESS;
    }
    if arguments.year {
        return a_year(arguments.threads);
    }
    days(&arguments)
}

fn a_year(threads: usize) -> ExitCode {
    let began = Instant::now();
    match year::live(365, 1_000, threads as u64) {
        Ok(lived) => {
            print!("{}", year::table(&lived, began.elapsed()));
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn days(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let minutes = arguments
        .minutes
        .map(|minutes| Duration::from_secs(60 * minutes));
    let order = Order {
        first: arguments.seed,
        seeds: arguments.seeds,
        threads: arguments.threads,
        until: minutes.and_then(|limit| began.checked_add(limit)),
        finds_all: arguments.all,
        kind: arguments.kind(),
    };
    let is_watched = std::io::stderr().is_terminal();
    let told = |failure: &Failure| {
        eprintln!("seed {} breaks {}", failure.script.seed, failure.broken);
    };
    let progress = |done: u64, took: Duration| {
        if is_watched {
            eprint!("\r{done} of {} seeds, {} s ", order.seeds, took.as_secs());
            let _ = std::io::stderr().flush();
        }
    };
    let (mut totals, failures) = play::all(order, progress, told);
    if is_watched {
        eprintln!();
    }
    if let Some(failure) = failures.first()
        && !arguments.all
    {
        eprintln!("looking for a smaller day …");
        let smallest = shrink::smallest(failure);
        println!("{}", shrink::story(&smallest, false));
        let (seed, kind) = (failure.script.seed, arguments.kind().flag());
        println!("again: cargo xtask simulate --seeds 1 --seed {seed}{kind}");
        return ExitCode::FAILURE;
    }
    match arguments.format {
        Format::Table => print!("{}", totals.table(began.elapsed())),
        Format::Json => println!("{:#}", totals.json(began.elapsed())),
    }
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "{} of {} seeds break something",
        failures.len(),
        totals.seeds
    );
    ExitCode::FAILURE
}
