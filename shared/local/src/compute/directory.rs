//! The directory of one process: what it is to run, that it was started, and how it ended.
//!
//! | file | written by | when |
//! |---|---|---|
//! | `command.json` | engine | before the supervisor is started |
//! | `supervisor` | supervisor | once, before the command is started; locked as long as it lives |
//! | `pid` | supervisor | after the command is started |
//! | `stdout.log`, `stderr.log` | the command | |
//! | `exit` | supervisor | when the command has ended |
//!
//! Each but the logs appears whole or not at all, and stays when the machine stops.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::SubmissionId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::launch::Launch;

/// The directory of one process of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkDirectory(PathBuf);

/// What is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    #[serde(flatten)]
    pub launch: Launch,
    /// By the engine's clock.
    pub started_at: Timestamp,
}

/// A process, told apart from a later one with the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// Clock ticks after the machine's start.
    pub start_time: u64,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub how: How,
    /// How long it ran.
    pub elapsed_ms: u64,
}

/// In which way a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Code(i32),
    Signal(i32),
    /// It could not be started at all.
    NotStarted(String),
}

/// Where a process is, as its directory tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    NotStarted,
    /// Its supervisor lives.
    Running,
    Ended(Exit),
    /// Its supervisor is gone and left no word: the machine stopped, or somebody killed it.
    Lost,
}

/// A file of a work directory cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("work directory {}: {source}", path.display())]
pub struct DirectoryError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl WorkDirectory {
    /// Where a submission's process works: `<data>/work/<attempt key>/<submission id>/`, for a
    /// child of an array job with its index below that.
    pub fn of(data: &Path, key: &AttemptKey, id: &SubmissionId, child: Option<u32>) -> Self {
        let own = data.join("work").join(key.to_string()).join(id.as_str());
        Self(match child {
            Some(index) => own.join(index.to_string()),
            None => own,
        })
    }

    /// Takes a path as a work directory.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the command printed.
    pub fn stdout(&self) -> PathBuf {
        self.0.join("stdout.log")
    }

    /// What the command, or its supervisor, complained of.
    pub fn stderr(&self) -> PathBuf {
        self.0.join("stderr.log")
    }

    /// Says what is to run, creating the directory.
    pub fn write_command(&self, command: &Command) -> Result<(), DirectoryError> {
        self.failing(fs::create_dir_all(&self.0))?;
        self.write_whole("command.json", command)
    }

    /// Reads what is to run.
    pub fn command(&self) -> Result<Option<Command>, DirectoryError> {
        self.read_whole("command.json")
    }

    /// Says which process runs the command; it leads its process group.
    pub fn write_pid(&self, process: ProcessId) -> Result<(), DirectoryError> {
        self.write_whole("pid", &process)
    }

    /// Reads which process runs the command.
    pub fn pid(&self) -> Result<Option<ProcessId>, DirectoryError> {
        self.read_whole("pid")
    }

    /// Reads which process supervises.
    pub fn supervisor(&self) -> Result<Option<ProcessId>, DirectoryError> {
        self.read_whole("supervisor")
    }

    /// Says how the command ended.
    pub fn write_exit(&self, exit: &Exit) -> Result<(), DirectoryError> {
        self.write_whole("exit", exit)
    }

    /// Becomes the one and only supervisor of this directory, as long as the file is kept open.
    /// `None` when there is or was another.
    pub fn take(&self, supervisor: ProcessId) -> Result<Option<File>, DirectoryError> {
        let draft = self.0.join(format!("supervisor.{}", supervisor.pid));
        let taken = (|| {
            let mut file = File::create(&draft)?;
            // Locked before it can be seen under its name.
            file.try_lock()?;
            serde_json::to_writer(&mut file, &supervisor)?;
            file.sync_all()?;
            let linked = fs::hard_link(&draft, self.0.join("supervisor"));
            match linked {
                Ok(()) => Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(error),
            }
        })();
        let removed = fs::remove_file(&draft);
        let taken = self.failing(taken)?;
        self.failing(removed)?;
        self.failing(self.sync())?;
        Ok(taken)
    }

    /// Takes the supervisor's place for good, so that the command never runs. False when it was
    /// taken before.
    pub fn claim(&self) -> Result<bool, DirectoryError> {
        let pid = i32::try_from(std::process::id()).map_err(io::Error::other);
        let own = pid.and_then(|pid| {
            ProcessId::of(pid).ok_or_else(|| io::Error::other("/proc does not tell of it"))
        });
        let own = self.failing(own)?;
        Ok(self.take(own)?.is_some())
    }

    /// Looks where the process is.
    pub fn standing(&self) -> Result<Standing, DirectoryError> {
        if let Some(exit) = self.read_whole("exit")? {
            return Ok(Standing::Ended(exit));
        }
        let file = match File::open(self.0.join("supervisor")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Standing::NotStarted);
            }
            opened => self.failing(opened)?,
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => return Ok(Standing::Running),
            Err(TryLockError::Error(error)) => self.failing(Err(error))?,
            Ok(()) => {}
        }
        // It may have ended between the two looks.
        Ok(match self.read_whole("exit")? {
            Some(exit) => Standing::Ended(exit),
            None => Standing::Lost,
        })
    }

    fn read_whole<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DirectoryError> {
        let text = match fs::read(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => self.failing(read)?,
        };
        self.failing(serde_json::from_slice(&text).map_err(io::Error::from))
    }

    fn write_whole<T: Serialize>(&self, name: &str, value: &T) -> Result<(), DirectoryError> {
        let draft = self.0.join(format!("{name}.new"));
        self.failing((|| {
            let mut file = File::create(&draft)?;
            serde_json::to_writer_pretty(&mut file, value)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&draft, self.0.join(name))?;
            self.sync()
        })())
    }

    /// Makes the names in the directory durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn failing<T>(&self, result: io::Result<T>) -> Result<T, DirectoryError> {
        result.map_err(|source| DirectoryError {
            path: self.0.clone(),
            source,
        })
    }
}

impl ProcessId {
    /// Identifies a process that exists; `None` when there is none of this number.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses and may hold anything.
        let (_, after_name) = stat.rsplit_once(')')?;
        // proc_pid_stat(5): starttime is field 22, and field 3 comes first here.
        let start_time = after_name.split_whitespace().nth(22 - 3)?.parse().ok()?;
        Some(Self { pid, start_time })
    }

    /// Whether this very process still exists, be it as a zombie.
    pub fn exists(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}
