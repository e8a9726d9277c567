//! `murmur __supervise DIRECTORY`: the tiny process between an engine and a piece of work. Not for
//! people; it is looked at before the command line is parsed, since it starts with every task.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use local::compute::{SUPERVISE_VERB, supervise};

/// Supervises when the command line asks for that, and says how it went.
pub fn asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()?.as_os_str() != OsStr::new(SUPERVISE_VERB) {
        return None;
    }
    let directory = arguments.next()?;
    Some(match supervise(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("murmur: {error}");
            ExitCode::FAILURE
        }
    })
}
