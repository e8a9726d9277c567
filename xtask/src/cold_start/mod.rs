//! `cargo xtask bench --cold-start`: how soon a packaged function asks for its first event, and
//! how much memory it has needed after it handled some.
//!
//! A figure, never a test: it depends on the machine. So it is told beside a program that does
//! nothing, built and started in the same way.

mod events;
mod process;
mod stub;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::package::{self, Arch, Format};
use process::{Lambda, Seen};

/// The function that does nothing.
const EMPTY: &str = "empty-lambda";

/// What to measure.
pub struct Plan {
    pub arch: Arch,
    pub runs: usize,
    pub format: Format,
}

/// One function's figures.
struct Row {
    function: String,
    /// From the start of the process to its first request for an event, sorted, in microseconds.
    starts_us: Vec<u128>,
    /// The most memory it ever had, in kB: when it asked for its first event, and when for one
    /// after the last.
    started_kb: u64,
    handled_kb: u64,
}

/// Packages the functions, starts each as often as asked, in turns, and prints a table.
pub fn run(plan: &Plan) -> Result<ExitCode> {
    let packages = package::package(plan.arch, package::PROFILE, &[])?;
    let empty = package::program(plan.arch, package::PROFILE, EMPTY)?;
    let mut lambdas = vec![(EMPTY.to_owned(), empty, Vec::new())];
    for package in packages {
        let events = events::of(&package.function)?;
        lambdas.push((package.function, package.bootstrap, events));
    }
    let empty_folder = tempfile::tempdir()?;
    let folder = empty_folder.path();
    let mut rows: Vec<Row> = lambdas.iter().map(|(name, ..)| Row::new(name)).collect();
    for number in 1..=plan.runs {
        eprintln!("start {number} of {}", plan.runs);
        for ((function, program, events), row) in lambdas.iter().zip(&mut rows) {
            let lambda = Lambda {
                function,
                program,
                folder,
            };
            let seen = lambda.serve(events);
            row.add(seen.with_context(|| format!("{function} was not measured"))?);
        }
    }
    match plan.format {
        Format::Table => print!("{}", table(&rows)),
        Format::Json => println!("{:#}", as_json(plan, &rows)),
    }
    Ok(ExitCode::SUCCESS)
}

impl Row {
    fn new(function: &str) -> Self {
        Self {
            function: function.to_owned(),
            starts_us: Vec::new(),
            started_kb: 0,
            handled_kb: 0,
        }
    }

    fn add(&mut self, seen: Seen) {
        self.starts_us.push(seen.start.as_micros());
        self.starts_us.sort_unstable();
        self.started_kb = self.started_kb.max(seen.started_kb);
        self.handled_kb = self.handled_kb.max(seen.handled_kb);
    }

    fn median_us(&self) -> u128 {
        self.starts_us[self.starts_us.len() / 2]
    }

    fn most_us(&self) -> u128 {
        self.starts_us[self.starts_us.len() - 1]
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.function.len()).max();
    let width = width.unwrap_or(0);
    let empty_us = rows[0].median_us();
    let mut lines = format!(
        "{:width$}  {:>8}  {:>8}  {:>7}  {:>11}  {:>11}\n",
        "function", "start ms", "most ms", "x empty", "started MB", "handled MB"
    );
    for row in rows {
        lines += &format!(
            "{:width$}  {:>8.1}  {:>8.1}  {:>7.2}  {:>11.1}  {:>11.1}\n",
            row.function,
            milliseconds(row.median_us()),
            milliseconds(row.most_us()),
            ratio(row.median_us(), empty_us),
            megabytes(row.started_kb),
            megabytes(row.handled_kb),
        );
    }
    lines
}

fn as_json(plan: &Plan, rows: &[Row]) -> serde_json::Value {
    let empty_us = rows[0].median_us();
    let row = |row: &Row| {
        json!({
            "function": row.function,
            "start_median_ms": milliseconds(row.median_us()),
            "start_most_ms": milliseconds(row.most_us()),
            "times_empty": ratio(row.median_us(), empty_us),
            "peak_started_kb": row.started_kb,
            "peak_handled_kb": row.handled_kb,
        })
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    json!({ "arch": plan.arch.name(), "runs": plan.runs, "functions": rows })
}

#[allow(clippy::cast_precision_loss)] // a figure for people
fn milliseconds(us: u128) -> f64 {
    us as f64 / 1000.0
}

#[allow(clippy::cast_precision_loss)] // a figure for people
fn megabytes(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

#[allow(clippy::cast_precision_loss)] // a figure for people
fn ratio(one: u128, other: u128) -> f64 {
    one as f64 / other as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_row_tells_the_middle_and_the_worst_start_and_the_most_memory() {
        let mut rows = vec![Row::new(EMPTY), Row::new("operate")];
        for (start_ms, handled_kb) in [(9, 20_480), (30, 10_240), (12, 10_240)] {
            rows[0].add(Seen {
                start: Duration::from_millis(6),
                started_kb: 2048,
                handled_kb: 3072,
            });
            rows[1].add(Seen {
                start: Duration::from_millis(start_ms),
                started_kb: 8192,
                handled_kb,
            });
        }
        let expected = "\
function      start ms   most ms  x empty   started MB   handled MB
empty-lambda       6.0       6.0     1.00          2.0          3.0
operate           12.0      30.0     2.00          8.0         20.0
";
        assert_eq!(table(&rows), expected);
    }
}
