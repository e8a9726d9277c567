//! The log of the engines of a data folder: lines of JSON, by the engine's clock, in the folder itself.
//!
//! A line is written whole and at once, so that a crash loses none that was told before it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::OnceLock;

use local::EngineClock;
use model::id::RunId;
use ports::Clock as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::Told;

/// The newest lines.
const NEWEST: &str = "log.jsonl";
/// What was the newest file until it was large.
const OLDER: &str = "log.1.jsonl";
/// How large a file may be when an engine begins, in bytes.
const LARGE: u64 = 64 * 1024 * 1024;

static KEPT: OnceLock<Kept> = OnceLock::new();

struct Kept {
    file: File,
    clock: EngineClock,
}

/// Keeps what this process logs in a folder from now on; the first folder stays.
pub fn keep(folder: &Path, clock: EngineClock) -> io::Result<()> {
    let newest = folder.join(NEWEST);
    if fs::metadata(&newest).is_ok_and(|file| file.len() > LARGE) {
        fs::rename(&newest, folder.join(OLDER))?;
    }
    let file = File::options().create(true).append(true).open(&newest)?;
    // In tests several engines may share a process.
    let _ = KEPT.set(Kept { file, clock });
    Ok(())
}

/// Reads what was kept of a run.
pub fn read(folder: &Path, run: &RunId) -> io::Result<Vec<Told>> {
    let mut lines = Vec::new();
    for name in [OLDER, NEWEST] {
        let text = match fs::read_to_string(folder.join(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let of_run = text.lines().filter(|line| line.contains(run.as_str()));
        lines.extend(of_run.filter_map(|line| Told::read(line, "")));
    }
    Ok(super::of(run, lines))
}

/// Writes lines to the file, once there is one.
#[derive(Debug, Clone, Copy)]
pub struct Lines;

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match KEPT.get() {
            Some(kept) => (&kept.file).write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The engine's time, which may be a simulated one.
#[derive(Debug, Clone, Copy)]
pub struct EngineTime;

impl FormatTime for EngineTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        match KEPT.get() {
            Some(kept) => write!(writer, "{}", kept.clock.now()),
            None => Ok(()),
        }
    }
}
