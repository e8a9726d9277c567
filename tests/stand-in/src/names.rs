//! From the names clients give to the keys the local compute wants.
//!
//! The services take any name. Work that bears one of murmur's keys, after whatever its deployment
//! put before it, is run under that key; all other work is run under one that is made up.

use std::str::FromStr;

use model::attempt::AttemptKey;
use model::cluster::InstanceKey;

/// The key of work under a name.
pub fn attempt(name: &str, number: usize) -> AttemptKey {
    within(name).unwrap_or_else(|| {
        let made_up = format!("other--work--{number}--step--1-1");
        made_up.parse().expect("it has every part of a key")
    })
}

/// The key of a cluster under a name.
pub fn instance(name: &str, number: usize) -> InstanceKey {
    within(name).unwrap_or_else(|| {
        let made_up = format!("other--cluster--20000101t000000z--{number}");
        made_up.parse().expect("it has every part of a key")
    })
}

fn within<K: FromStr>(name: &str) -> Option<K> {
    let after_deployment = name.split_once("--").map(|(_, rest)| rest);
    // A deployment's name looks like a team's, and there always is one.
    let of_deployment = after_deployment.and_then(|rest| rest.parse().ok());
    of_deployment.or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_after_a_deployments_name() {
        for (name, expected) in [
            (
                "murmur--weather--daily--20260301t051500z--clean--1-2",
                "weather--daily--20260301t051500z--clean--1-2",
            ),
            (
                "weather--daily--20260301t051500z--clean--1-2",
                "daily--20260301t051500z--clean--1-2",
            ),
            ("CustomJAR", "other--work--7--step--1-1"),
        ] {
            assert_eq!(attempt(name, 7).to_string(), expected);
        }
        for (name, expected) in [
            (
                "murmur--weather--etl--20260301t050000z--1",
                "weather--etl--20260301t050000z--1",
            ),
            (
                "weather--etl--20260301t050000z--1",
                "weather--etl--20260301t050000z--1",
            ),
            ("Development Cluster", "other--cluster--20000101t000000z--7"),
        ] {
            assert_eq!(instance(name, 7).to_string(), expected);
        }
    }
}
