//! `murmur clusters`: the registry: instances, endpoints, open work, history.

mod endpoint;
mod one;
mod overview;

use clap::{Args, Subcommand};

use crate::arguments::ShownZone;
use crate::exit::{Exit, Failure};
use crate::output::Screen;
use crate::target::local::DataFolder;
use crate::target::{At, block_on};

const EXAMPLES: &str = "\
Examples:
  murmur clusters                                  # all, with their instance and next window
  murmur clusters weather/overnight-etl            # one, with open work, waiters and history
  murmur clusters endpoint energy/analytics        # where it can be reached now
  trino --server \"$(murmur clusters endpoint energy/analytics --port trino)\"

In JSON: a list (cluster, state, instance, open, waiting, next_window, next_end); for one cluster
also instances (the registry's items), open_work and waiters.";

/// Shows clusters: their instances, endpoints, open work and history
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Clusters {
    #[command(subcommand)]
    command: Option<Command>,
    /// A cluster, as team/name; all when none is given
    cluster: Option<String>,
    #[command(flatten)]
    shown: ShownZone,
    #[command(flatten)]
    data: DataFolder,
}

/// What can be asked of one cluster.
#[derive(Debug, Subcommand)]
enum Command {
    Endpoint(endpoint::Endpoint),
}

impl Clusters {
    /// Prints clusters.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        match self.command {
            Some(Command::Endpoint(endpoint)) => endpoint.run(at, screen),
            None => {
                let target = at.open(&self.data)?;
                match &self.cluster {
                    None => block_on(overview::print(&target, &self.shown, screen)),
                    Some(name) => block_on(one::print(&target, name, &self.shown, screen)),
                }
            }
        }
    }
}
