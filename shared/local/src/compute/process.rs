//! The engine's hold on one supervised process, its own child or one adopted after a restart.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::directory::{DirectoryError, Exit, Standing, WorkDirectory};

/// The program that is running, whatever has become of its file.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// A process whose end is awaited.
#[derive(Debug)]
pub struct Process {
    directory: WorkDirectory,
    /// Becomes readable when the supervisor ends; `None` when it has already.
    handle: Option<Arc<OwnedFd>>,
    /// Kept to reap it; `None` when it was adopted.
    child: Option<Child>,
}

/// How a process ended, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Exited(Exit),
    /// The supervisor could not even begin.
    NeverBegan(String),
    /// Nobody knows: the machine stopped, or the supervisor was killed.
    Lost,
}

/// A process cannot be started or looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the supervisor `{program}` cannot be started: {source}")]
    Supervisor {
        program: String,
        #[source]
        source: io::Error,
    },
}

/// Whether a signal reached a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signalled {
    Yes,
    /// It is about to start or has ended; look again soon.
    NotYet,
}

impl Process {
    /// Starts the supervisor of a directory whose command was written. Doing so again is harmless:
    /// the command runs at most once.
    pub fn start(directory: WorkDirectory, supervisor: &[OsString]) -> Result<Self, ProcessError> {
        let child = Self::spawn(&directory, supervisor).map_err(|source| {
            let program = supervisor.first().map(|program| program.to_string_lossy());
            ProcessError::Supervisor {
                program: program.unwrap_or_default().into_owned(),
                source,
            }
        })?;
        let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok();
        Ok(Self {
            directory,
            handle: handle.map(Arc::new),
            child: Some(child),
        })
    }

    fn spawn(directory: &WorkDirectory, supervisor: &[OsString]) -> io::Result<Child> {
        let (program, arguments) = supervisor
            .split_first()
            .ok_or_else(|| io::Error::other("no supervisor is configured"))?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.stderr())?;
        let mut command = Command::new(program);
        if program == THIS_PROGRAM {
            // For people who look at what is running.
            command.arg0("murmur");
        }
        command
            .args(arguments)
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
    }

    /// Takes hold of a process that another engine started.
    pub fn adopt(directory: WorkDirectory) -> Result<Self, ProcessError> {
        let supervisor = directory.supervisor()?;
        let handle = supervisor
            .filter(|process| process.exists())
            .and_then(|process| Pid::from_raw(process.pid))
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            .map(Arc::new);
        Ok(Self {
            directory,
            handle,
            child: None,
        })
    }

    /// What becomes readable when the process ends.
    pub fn handle(&self) -> Option<&Arc<OwnedFd>> {
        self.handle.as_ref()
    }

    /// How it ended; `None` while it goes on.
    pub fn end(&mut self) -> Result<Option<End>, ProcessError> {
        if let Some(handle) = &self.handle
            && !any_ended(std::slice::from_ref(handle), Duration::ZERO)
        {
            return Ok(None);
        }
        let status = match &mut self.child {
            // A failure to reap would be a failure to have started it.
            Some(child) => child.try_wait().ok().flatten(),
            None => None,
        };
        Ok(match self.directory.standing()? {
            Standing::Ended(exit) => Some(End::Exited(exit)),
            Standing::Lost => {
                self.kill_what_is_left()?;
                Some(End::Lost)
            }
            Standing::Running => {
                // Another supervisor, started by an engine that is gone, was first.
                self.handle = Self::adopt(self.directory.clone())?.handle;
                None
            }
            Standing::NotStarted => {
                let status = status.map_or("without a word".into(), |status| status.to_string());
                Some(End::NeverBegan(format!(
                    "the supervisor ended before it began: {status}"
                )))
            }
        })
    }

    /// Signals the command's whole process group.
    pub fn signal(&self, signal: Signal) -> Result<Signalled, ProcessError> {
        let Some(process) = self.directory.pid()? else {
            return Ok(Signalled::NotYet);
        };
        let leader = Pid::from_raw(process.pid).filter(|_| process.exists());
        let sent = leader.map(|leader| kill_process_group(leader, signal));
        Ok(match sent {
            Some(Ok(())) => Signalled::Yes,
            Some(Err(_)) | None => Signalled::NotYet,
        })
    }

    /// Without its supervisor a command's end cannot be told, so it must not go on.
    fn kill_what_is_left(&self) -> Result<(), ProcessError> {
        self.signal(Signal::KILL).map(drop)
    }

    /// Hands over the child, if any, to be reaped later.
    pub fn into_child(self) -> Option<Child> {
        self.child
    }
}

/// Waits until one of these processes has ended, at most so long; says whether one has.
pub fn any_ended(handles: &[Arc<OwnedFd>], at_most: Duration) -> bool {
    let mut polled: Vec<PollFd<'_>> = handles
        .iter()
        .map(|handle| PollFd::new(handle.as_ref(), PollFlags::IN))
        .collect();
    // The longest that fits is longer than anybody waits.
    let timeout = Timespec {
        tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    // Interrupted means: look again, which is what the caller does.
    matches!(poll(&mut polled, Some(&timeout)), Ok(ended) if ended > 0)
}
