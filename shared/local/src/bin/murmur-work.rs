//! Supervises one piece of work; what `murmur __supervise` is, without all the rest of `murmur`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("murmur-work: the work directory is missing");
        return ExitCode::from(2);
    };
    match local::compute::supervise(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("murmur-work: {error}");
            ExitCode::FAILURE
        }
    }
}
