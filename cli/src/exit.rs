//! How the program ends: the exit codes, and failures as people read them.
//!
//! Must not know any verb.

use std::fmt;
use std::io;
use std::process::ExitCode;

use ports::StoreError;

/// What the exit codes mean, as `murmur help exit-codes` prints it.
pub const EXPLAINED: &str = "\
Exit codes:
  0  it is as it should be, or was done
  1  what was asked about is not as it should be: definitions have errors, a run failed,
     an operation was refused, there are incidents or dead letters
  2  the command line was not understood
  3  what was asked about does not exist: no such run, task, workflow, cluster, file
  4  the data folder, the engine or AWS is in trouble: it cannot be read, is locked, refuses,
     or broke
  130  interrupted by ctrl-c while waiting; what was started goes on";

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Fine,
    NotAsItShouldBe,
    Usage,
    NotFound,
    Trouble,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::NotAsItShouldBe => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Trouble => 4,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a verb could not do its work: what, why, and what would be right.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    what: String,
    help: Vec<String>,
    cause: Option<anyhow::Error>,
    /// Whoever read our output has gone: nothing to complain about.
    quiet: bool,
}

impl Failure {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            help: Vec::new(),
            cause: None,
            quiet: false,
        }
    }

    /// The command line asks for what makes no sense.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// What was asked about does not exist.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, what)
    }

    /// What was asked about is not as it should be.
    pub fn not_as_it_should_be(what: impl Into<String>) -> Self {
        Self::new(Exit::NotAsItShouldBe, what)
    }

    /// The data or the engine is in trouble.
    pub fn trouble(what: impl Into<String>) -> Self {
        Self::new(Exit::Trouble, what)
    }

    /// Adds the error that led here.
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Makes it a fault of the command line.
    pub fn into_usage(mut self) -> Self {
        self.exit = Exit::Usage;
        self
    }

    /// Whether there is anything to tell.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What would be right, one line each.
    pub fn helps(&self) -> &[String] {
        &self.help
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut said = self.what.clone();
        for cause in self.cause.iter().flat_map(anyhow::Error::chain) {
            let cause = cause.to_string();
            // Errors that are transparent, or that quote their source, say it once.
            if !said.contains(&cause) {
                write!(f, ": {cause}")?;
                said = cause;
            }
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        let exit = if quiet { Exit::Fine } else { Exit::Trouble };
        Self {
            quiet,
            ..Self::new(exit, "cannot write").because(error)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::trouble("cannot read the state").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_each_cause_once() {
        let inner = anyhow::anyhow!("disk full").context("cannot read: disk full");
        let failure = Failure::trouble("no state").because(inner);
        assert_eq!(failure.to_string(), "no state: cannot read: disk full");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_trouble() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.is_quiet());
        assert_eq!(failure.exit, Exit::Fine);
    }
}
