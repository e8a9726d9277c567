//! Locks between processes: one engine per data folder, and guests that get their turn.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::error::{DataError, Failure};

/// How long the lock may outlive an engine that was killed: what it was just starting holds a copy
/// until it runs a program of its own.
const LAST_CHILDREN: Duration = Duration::from_secs(2);

/// Held by the one engine of a data folder until it is dropped or its process ends.
#[derive(Debug)]
pub struct EngineLock {
    _file: File,
}

impl EngineLock {
    /// Takes the folder, creating it, or says which process has it.
    pub fn take(folder: &Path) -> Result<Self, DataError> {
        std::fs::create_dir_all(folder).map_err(|error| DataError::folder(folder, &error))?;
        let path = folder.join("engine.lock");
        let mut file = open(&path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    if is_alive(&holder) || began.elapsed() > LAST_CHILDREN {
                        return Err(DataError::Taken {
                            folder: folder.into(),
                            holder,
                        });
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::Error(error)) => return Err(DataError::folder(&path, &error)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| DataError::folder(&path, &error))?;
        Ok(Self { _file: file })
    }
}

/// The process that says it has the folder.
fn holder(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.read_to_string(&mut holder));
    let known = read.is_ok() && !holder.trim().is_empty();
    if known {
        holder.trim().into()
    } else {
        "unknown".into()
    }
}

/// Whether a process may be there; one that is not known is.
fn is_alive(holder: &str) -> bool {
    let pid = holder.parse().ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn open(path: &Path) -> Result<File, DataError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| DataError::folder(path, &error))
}

/// How often a busy engine looks whether somebody waits, and how long it lets them write.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LET_PASS: Duration = Duration::from_millis(250);

/// Lets other processes write while an engine is busy.
///
/// A busy engine's groups follow each other so closely that a process which waits for SQLite's lock
/// would hardly ever get it. A guest therefore stands in this gate while it writes; the engine
/// looks at it between groups.
#[derive(Debug)]
pub struct GuestGate {
    path: PathBuf,
    file: Option<File>,
    looked: Cell<Option<Instant>>,
}

impl GuestGate {
    /// Opens the gate of a folder. A reader's folder may not be writable; then there is none.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join("guests.lock");
        let file = open(&path).ok();
        Ok(Self {
            path,
            file,
            looked: Cell::new(None),
        })
    }

    /// Steps aside while guests stand in the gate, for a while.
    pub fn let_guests_pass(&self) {
        let (Some(file), now) = (&self.file, Instant::now()) else {
            return;
        };
        if self
            .looked
            .get()
            .is_some_and(|looked| now.duration_since(looked) < LOOK_EVERY)
        {
            return;
        }
        while matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
            && now.elapsed() < LET_PASS
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = file.unlock();
        self.looked.set(Some(Instant::now()));
    }

    /// Enters as a guest, after other guests.
    pub fn enter(&self, database: &Path) -> Result<(), Failure> {
        let refused = |reason: String| Failure::Busy {
            reason: format!("cannot write to {}: {reason}", database.display()),
        };
        let Some(file) = &self.file else {
            return Err(refused(format!(
                "{} cannot be written",
                self.path.display()
            )));
        };
        file.lock().map_err(|error| refused(error.to_string()))
    }

    /// Leaves.
    pub fn leave(&self) {
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_outlives_its_engine_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let lock = EngineLock::take(folder.path()).unwrap();
        let taken = EngineLock::take(folder.path());
        assert!(matches!(taken, Err(DataError::Taken { .. })), "{taken:?}");
        // Whoever was there is gone, and something it was just starting still has the lock.
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        std::fs::write(folder.path().join("engine.lock"), gone.id().to_string()).unwrap();
        let path = folder.path().to_owned();
        let next = std::thread::spawn(move || EngineLock::take(&path).map(drop));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!next.is_finished(), "it waits");
        drop(lock);
        next.join().unwrap().unwrap();
    }
}
