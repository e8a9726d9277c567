//! Names people give: of teams, workflows, tasks, clusters and pools.
//!
//! A name never contains two hyphens in a row, so `--` can separate names inside ids and attempt
//! keys and every key can be taken apart again.

use std::fmt;
use std::str::FromStr;

use crate::text::written_as_text;

/// The longest name of a team, in characters.
pub const TEAM_MAX: usize = 32;
/// The longest name of a workflow, cluster or pool, in characters.
pub const NAME_MAX: usize = 64;
/// The longest name of a task after `for_each` is expanded, in characters; an attempt key with a
/// deployment's name before it then fits the 128 characters Batch allows for a job name.
pub const TASK_MAX: usize = 44;

/// Says why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name must not be empty")]
    Empty,
    #[error("`{name}` has {length} characters; at most {max} are allowed")]
    TooLong {
        name: String,
        length: usize,
        max: usize,
    },
    #[error(
        "`{name}` is not a name: use lower-case letters, digits, `_` and single `-`, beginning and ending with a letter or digit"
    )]
    Shape { name: String },
    #[error("`{text}` is not `team/name`")]
    Reference { text: String },
}

/// Checks the shape every name shares.
pub fn check(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > max {
        return Err(NameError::TooLong {
            name: text.into(),
            length: text.chars().count(),
            max,
        });
    }
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
    let ends = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = text.as_bytes();
    let shaped = bytes.iter().copied().all(allowed)
        && ends(bytes.first())
        && ends(bytes.last())
        && !text.contains("--");
    if shaped {
        Ok(())
    } else {
        Err(NameError::Shape { name: text.into() })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// Checks and wraps a text.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text, $max)?;
                Ok(Self(text.into()))
            }

            /// Borrows the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        written_as_text!($type);

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Names a team: a folder under `events/`.
    TeamName,
    TEAM_MAX
);
name!(
    /// Names a task inside its workflow.
    TaskName,
    TASK_MAX
);
name!(
    /// Names a workflow, cluster or pool inside its team.
    Name,
    NAME_MAX
);

macro_rules! reference {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type {
            pub team: TeamName,
            pub name: Name,
        }

        impl $type {
            /// Pairs a team with a name of its own.
            pub fn new(team: TeamName, name: Name) -> Self {
                Self { team, name }
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let (team, name) = text
                    .split_once('/')
                    .ok_or_else(|| NameError::Reference { text: text.into() })?;
                Ok(Self { team: TeamName::new(team)?, name: Name::new(name)? })
            }
        }

        written_as_text!($type);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.team.as_str())?;
                f.write_str("/")?;
                f.write_str(self.name.as_str())
            }
        }
    };
}

reference!(
    /// Addresses a workflow everywhere: `team/name`.
    WorkflowRef
);
reference!(
    /// Addresses a cluster everywhere: `team/name`.
    ClusterRef
);
reference!(
    /// Addresses a pool everywhere: `team/name`.
    PoolRef
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_design_writes() {
        for text in ["overnight-etl", "daily_report", "a", "1", "clean-2012"] {
            assert_eq!(check(text, NAME_MAX), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_would_break_a_key() {
        for text in [
            "",
            "a--b",
            "-a",
            "a-",
            "_a",
            "Upper",
            "a b",
            "a/b",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(check(text, NAME_MAX).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reference_reads_and_writes_the_same() {
        let reference: WorkflowRef = "sales/nightly".parse().unwrap();
        assert_eq!(reference.to_string(), "sales/nightly");
        assert!("nightly".parse::<WorkflowRef>().is_err());
    }
}
