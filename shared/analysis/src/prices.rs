//! What an hour costs, as people write it down: murmur asks nobody for prices.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

/// Prices in one currency, in a file such as
///
/// ```yaml
/// clusters: { weather/overnight-etl: 12.5, "*": 4 }
/// queues: { light: 0.1 }
/// ```
///
/// A cluster costs from its request to its end, a job while it runs. `*` stands for all that are not
/// named; what has no price costs nothing.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// For an hour of an instance, by `team/name`.
    #[serde(default)]
    pub clusters: BTreeMap<String, f64>,
    /// For an hour of a Batch job, by queue.
    #[serde(default)]
    pub queues: BTreeMap<String, f64>,
}

impl Prices {
    /// The rows of a table `prices (kind, name, per_hour)`, as SQL.
    pub(crate) fn values(&self) -> String {
        let kinds = [("cluster", &self.clusters), ("queue", &self.queues)];
        // A table needs a row to have types.
        let mut rows = "('', '', 0.0)".to_owned();
        for (kind, prices) in kinds {
            for (name, per_hour) in prices {
                let name = name.replace('\'', "''");
                // Writing to a text cannot fail.
                let _ = write!(rows, ", ('{kind}', '{name}', {per_hour:?})");
            }
        }
        rows
    }
}
