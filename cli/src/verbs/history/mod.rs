//! `murmur history`: SQL over what has ended, and ready reports.

#[cfg(feature = "history")]
mod ask;
#[cfg(feature = "history")]
mod dataset;

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::At;
use crate::target::local::DataFolder;

const EXAMPLES: &str = "\
Examples:
  murmur history --report trend                 # how long each workflow's runs take, week by week
  murmur history --report flaky                 # tasks that succeed only after retries
  murmur history --report failures              # failed attempts of each team, by whose fault they were
  murmur history --report clusters              # how much of their time clusters had work
  murmur history --report cost-per-run --prices prices.yaml
  murmur history --report cost-per-team --prices prices.yaml
  murmur history --report trend --sql           # its SQL, which Athena understands, too
  murmur history \"select state, count(*) from tasks group by state\"
  murmur history \"describe tasks\"               # the columns of a table: runs, tasks or clusters
  murmur history --csv \"select * from runs where date >= '2026-03-01'\" > runs.csv
  aws s3 sync s3://BUCKET/ history && murmur history --from history --report trend

Prices are for an hour, in a file such as: { clusters: { weather/etl: 12.5, \"*\": 4 }, queues: { light: 0.1 } }.
In JSON an answer is a list of objects, one for each row.";

/// Asks what has ended: SQL over runs, tasks and clusters, and ready reports
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[cfg_attr(not(feature = "history"), allow(dead_code))] // accepted, and refused
pub struct History {
    /// A query, over the tables runs, tasks and clusters
    #[arg(required_unless_present = "report", conflicts_with = "report")]
    query: Option<String>,
    /// A ready report: trend, flaky, failures, clusters, cost-per-run or cost-per-team
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// Prints the report's SQL instead of its answer
    #[arg(long, requires = "report")]
    sql: bool,
    /// What an hour of clusters and jobs costs, as YAML or JSON
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Prints comma-separated values
    #[arg(long)]
    csv: bool,
    /// A folder of history, such as a copy of a deployment's bucket [default: the data folder's own]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    data: DataFolder,
}

#[cfg(feature = "history")]
impl History {
    /// Prints the answer.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        ask::run(self, at, screen)
    }
}

#[cfg(not(feature = "history"))]
impl History {
    /// Says that it cannot.
    pub fn run(self, _: &At, _: Screen) -> Result<Exit, Failure> {
        Err(
            Failure::usage("this murmur was built without `murmur history`")
                .help("`cargo build --package murmur` builds one with it"),
        )
    }
}

#[cfg(all(test, feature = "history"))]
mod tests {
    use super::EXAMPLES;

    #[test]
    fn every_report_is_among_the_examples() {
        for report in analysis::Report::ALL {
            let named = format!("--report {}", report.name());
            assert!(EXAMPLES.contains(&named), "{named}");
        }
    }
}
