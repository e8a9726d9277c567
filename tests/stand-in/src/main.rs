//! The program: serves, or supervises one piece of work for itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use local::compute::{SUPERVISE_VERB, supervise};
use stand_in::options::Options;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let ended = if arguments.next().is_some_and(|verb| verb == SUPERVISE_VERB) {
        let directory = PathBuf::from(arguments.next().unwrap_or_default());
        supervise(&directory).map_err(anyhow::Error::from)
    } else {
        serve()
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stand-in: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(stand_in::serve(&options));
    // Somebody may still wait for an answer, or for the input.
    runtime.shutdown_background();
    served
}
