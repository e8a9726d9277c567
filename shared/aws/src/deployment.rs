//! A deployment's name, and the names it gives at EMR and Batch. Pure.
//!
//! `<deployment>--<key>`: so several deployments live in one account, and each knows its own.

use std::fmt;
use std::str::FromStr;

/// The longest name of a deployment, in characters; a job's name then fits the 128 that Batch
/// takes.
pub const DEPLOYMENT_MAX: usize = 12;

/// Names a deployment: `^[a-z](-?[a-z0-9])*$`, at most 12 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deployment(String);

/// Says that a text is not a deployment's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a deployment: use at most 12 lower-case letters, digits and single `-`, beginning with a letter and not ending with `-`"
)]
pub struct NotADeployment(pub String);

impl Deployment {
    /// Borrows the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a cluster, step or job is called at its service.
    pub fn name(&self, key: &impl fmt::Display) -> String {
        format!("{self}--{key}")
    }

    /// Reads a key from a name; `None` when this deployment did not give it.
    pub fn key<K: FromStr>(&self, name: &str) -> Option<K> {
        let rest = name.strip_prefix(self.as_str())?.strip_prefix("--")?;
        rest.parse().ok()
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Deployment {
    type Err = NotADeployment;

    fn from_str(text: &str) -> Result<Self, NotADeployment> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let shaped = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= DEPLOYMENT_MAX
            && text.chars().all(allowed)
            && !text.contains("--")
            && !text.ends_with('-');
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotADeployment(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use model::attempt::AttemptKey;
    use model::cluster::InstanceKey;
    use model::id::{RUN_ID_MAX, RunId};
    use model::name::TASK_MAX;

    use super::*;

    const KEY: &str = "weather--daily_report--20260301t051500z--clean--1-2";
    const INSTANCE: &str = "weather--etl--20260301t050000z--1";

    fn deployment(text: &str) -> Deployment {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_short_and_leave_two_hyphens_to_keys() {
        for good in ["murmur", "a", "a1", "prod-eu-1", "a-b-c-d-e-fg"] {
            assert_eq!(deployment(good).as_str(), good);
        }
        for bad in [
            "",
            "1a",
            "-a",
            "a-",
            "a--b",
            "A",
            "a_b",
            "ä",
            "abcdefghijklm",
        ] {
            let refused = bad.parse::<Deployment>().unwrap_err();
            assert_eq!(refused.0, bad);
        }
    }

    #[test]
    fn a_name_reads_back_as_its_key() {
        let ours = deployment("prod");
        let key: AttemptKey = KEY.parse().unwrap();
        assert_eq!(ours.name(&key), format!("prod--{KEY}"));
        assert_eq!(ours.key(&ours.name(&key)), Some(key));
        let instance: InstanceKey = INSTANCE.parse().unwrap();
        assert_eq!(ours.key(&ours.name(&instance)), Some(instance));
    }

    #[test]
    fn what_others_named_is_not_ours() {
        let (ours, others) = (deployment("prod"), deployment("prod-eu"));
        for name in [
            others.name(&KEY),
            KEY.to_owned(),
            format!("prod-{KEY}"),
            format!("prod--prod--{KEY}x--"),
            "Development Cluster".to_owned(),
        ] {
            assert_eq!(ours.key::<AttemptKey>(&name), None, "{name}");
        }
        for name in [others.name(&INSTANCE), INSTANCE.to_owned()] {
            assert_eq!(ours.key::<InstanceKey>(&name), None, "{name}");
        }
    }

    #[test]
    fn the_longest_job_has_a_name_that_batch_takes() {
        let key = AttemptKey {
            run: RunId::from("r".repeat(RUN_ID_MAX)),
            task: model::name::TaskName::new(&"t".repeat(TASK_MAX)).unwrap(),
            generation: 9_999,
            attempt: 999,
        };
        let name = deployment(&"d".repeat(DEPLOYMENT_MAX)).name(&key);
        assert!(name.len() <= 128, "{}", name.len());
    }
}
