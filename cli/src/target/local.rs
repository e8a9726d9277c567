//! murmur on this machine: a data folder, and the engine that may be at work on it.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use local::compute::logs;
use local::{DataError, Guest, Reader, SqliteStateStore};
use model::Timestamp;
use model::id::SubmissionId;
use model::message::{Function, Message};
use model::run::Run;
use model::task::Task;
use ports::{EventBus as _, Outgoing};

use super::{DeadLetter, Log, Pace, Position, Target};
use crate::exit::Failure;
use crate::story::{self, Told};

/// The folder where state is kept.
#[derive(Debug, Clone, Args)]
pub struct DataFolder {
    /// The folder where state, inboxes and logs are kept
    #[arg(
        long,
        env = "MURMUR_DATA",
        hide_env_values = true,
        default_value = ".murmur",
        value_name = "DIR"
    )]
    pub data: PathBuf,
}

/// A data folder.
pub struct LocalTarget {
    folder: PathBuf,
    reader: Reader,
}

impl DataFolder {
    /// Opens it, for reading and for leaving messages.
    pub fn open(&self) -> Result<LocalTarget, Failure> {
        let reader = Reader::open(&self.data).map_err(|error| refused(error, &self.data))?;
        Ok(LocalTarget {
            folder: self.data.clone(),
            reader,
        })
    }
}

impl DataFolder {
    /// Where a clock that skips stands there; `None` when there is no data, or it goes by the
    /// machine's clock.
    pub fn skipped_to(&self) -> Result<Option<Timestamp>, Failure> {
        match Reader::open(&self.data) {
            Ok(reader) => reader.skipped_to().map_err(unreadable),
            Err(DataError::NoData { .. }) => Ok(None),
            Err(error) => Err(refused(error, &self.data)),
        }
    }
}

/// Waiting for an engine on this machine.
const PACE: Pace = Pace {
    soon: Duration::from_secs(3),
    first: Duration::from_millis(50),
    longest: Duration::from_millis(200),
};

/// Whoever it is said to be, else who this machine says it is.
pub fn user(said: Option<&str>) -> String {
    let known = || std::env::var("USER").ok().filter(|user| !user.is_empty());
    said.map(str::to_owned)
        .or_else(known)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Says what is wrong with a data folder.
pub fn refused(error: DataError, folder: &Path) -> Failure {
    match error {
        DataError::NoData { .. } => {
            Failure::not_found(format!("{} holds no data of murmur yet", folder.display()))
                .help("`murmur local up` or `murmur local run` makes it")
                .help("or name another folder with --data or MURMUR_DATA")
        }
        other => Failure::trouble("cannot use the data folder").because(other),
    }
}

impl LocalTarget {
    fn guest(&self) -> Result<Guest, Failure> {
        Guest::open(&self.folder).map_err(|error| refused(error, &self.folder))
    }
}

impl Target for LocalTarget {
    type Store = SqliteStateStore;

    fn store(&self) -> &SqliteStateStore {
        self.reader.store()
    }

    fn now(&self) -> Result<Timestamp, Failure> {
        let skipped_to = self.reader.skipped_to().map_err(unreadable)?;
        Ok(skipped_to.unwrap_or_else(crate::present::now))
    }

    fn is_at_work(&self) -> Result<bool, Failure> {
        let lock = self.folder.join("engine.lock");
        let Ok(file) = File::open(&lock) else {
            return Ok(false);
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => {
                Err(Failure::trouble(format!("cannot look at {}", lock.display())).because(error))
            }
        }
    }

    fn how_to_start(&self) -> String {
        let folder = self.folder.display().to_string();
        if folder == ".murmur" {
            "murmur local up".to_owned()
        } else {
            format!("murmur local up --data {folder}")
        }
    }

    fn pace(&self) -> Pace {
        PACE
    }

    async fn who(&self, said: Option<&str>) -> String {
        user(said)
    }

    async fn send(&self, inbox: Function, message: Message) -> Result<(), Failure> {
        let guest = self.guest()?;
        guest
            .send(inbox, vec![Outgoing::from(message)])
            .await
            .map_err(|error| Failure::trouble("cannot ask").because(error))
    }

    async fn story(&self, run: &Run) -> Result<Vec<Told>, Failure> {
        story::file::read(&self.folder, &run.run).map_err(|error| {
            let what = format!("cannot read the log in {}", self.folder.display());
            Failure::trouble(what).because(error)
        })
    }

    fn why_no_story(&self) -> &'static str {
        "nothing is logged of it here: the log may have been removed"
    }

    async fn logs(&self, attempt: &Task) -> Result<Vec<Log>, Failure> {
        let key = attempt.attempt_key();
        let found = logs::of_attempt(&self.folder, &key).map_err(|error| {
            Failure::trouble(format!("cannot find the logs of {key}")).because(error)
        })?;
        // What was submitted twice has two; the attempt's own is the one that was committed.
        let own = |id: &SubmissionId| attempt.submission.as_ref().is_none_or(|own| own == id);
        let found = found.into_iter().filter(|log| own(&log.submission));
        Ok(found
            .map(|log| Log {
                child: log.child,
                stdout: log.stdout.display().to_string(),
                stderr: Some(log.stderr.display().to_string()),
            })
            .collect())
    }

    async fn read_log(&self, at: &str, from: &mut Position) -> Result<Option<Vec<u8>>, Failure> {
        let failed = |error| {
            Failure::trouble(format!("cannot read {at}")).because(anyhow::Error::new(error))
        };
        let mut file = match File::open(at) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(from.bytes)).map_err(failed)?;
        from.bytes += file.read_to_end(&mut text).map_err(failed)? as u64;
        Ok(Some(text))
    }

    fn why_no_log(&self, _: &Task) -> Option<&'static str> {
        None
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Failure> {
        let letters = self.reader.dead_letters(usize::MAX).map_err(unreadable)?;
        Ok(letters.into_iter().rev().map(letter).collect())
    }

    async fn redrive(&self, letters: &[DeadLetter]) -> Result<usize, Failure> {
        let guest = self.guest()?;
        let mut moved = 0;
        for letter in letters {
            let id = letter.id.parse().unwrap_or(-1);
            if guest.redrive(id).map_err(unreadable)? {
                moved += 1;
            }
        }
        Ok(moved)
    }
}

fn unreadable(error: local::Failure) -> Failure {
    Failure::trouble("cannot use the data folder").because(error)
}

fn letter(letter: local::DeadLetter) -> DeadLetter {
    DeadLetter {
        message: DeadLetter::message_of(&letter.body),
        id: letter.id.to_string(),
        inbox: letter.function,
        reason: letter.reason,
        set_aside_at: letter.at.parse().unwrap_or_default(),
        receives: letter.receives,
    }
}
