//! The key of an attempt: the name under which it is submitted, and by which its events are
//! attributed even when they overtake our own write (rules 9 and 10).

use std::fmt;
use std::str::FromStr;

use crate::id::RunId;
use crate::name::TaskName;
use crate::text::written_as_text;

/// Identifies one try of one task in one generation; written
/// `<run id>--<task>--<generation>-<attempt>`, at most 114 characters of `[a-z0-9-_]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    pub run: RunId,
    pub task: TaskName,
    pub generation: u32,
    pub attempt: u32,
}

/// Says that a name was not given by murmur.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an attempt key")]
pub struct NotAnAttemptKey(pub String);

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.run.as_str())?;
        f.write_str("--")?;
        f.write_str(self.task.as_str())?;
        write!(f, "--{}-{}", self.generation, self.attempt)
    }
}

impl FromStr for AttemptKey {
    type Err = NotAnAttemptKey;

    fn from_str(text: &str) -> Result<Self, NotAnAttemptKey> {
        let read = || {
            let (rest, tail) = text.rsplit_once("--")?;
            let (run, task) = rest.rsplit_once("--")?;
            let (generation, attempt) = tail.split_once('-')?;
            let key = Self {
                run: RunId::from(run),
                task: TaskName::new(task).ok()?,
                generation: generation.parse().ok()?,
                attempt: attempt.parse().ok()?,
            };
            // The run id has at least two parts; this also refuses `01` for `1`.
            (run.contains("--") && key.to_string() == text).then_some(key)
        };
        read().ok_or_else(|| NotAnAttemptKey(text.into()))
    }
}

written_as_text!(AttemptKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_the_name_it_was_submitted_under() {
        let text = "weather--daily_report--20260301t051500z--clean-2012--2-13";
        let key: AttemptKey = text.parse().unwrap();
        assert_eq!(
            (key.task.as_str(), key.generation, key.attempt),
            ("clean-2012", 2, 13)
        );
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn foreign_names_are_not_keys() {
        for text in [
            "",
            "CustomJAR",
            "a--b",
            "a--b--1",
            "r--t--01-1",
            "a--b--c--1-x",
        ] {
            assert!(text.parse::<AttemptKey>().is_err(), "{text}");
        }
    }
}
