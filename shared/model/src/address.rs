//! Where a cluster is in DNS, below a deployment's zone.

use crate::id::digest;
use crate::name::ClusterRef;

/// The longest label DNS takes, in characters.
const LABEL_MAX: usize = 63;
/// How much of its hash a shortened label ends in, in characters.
const HASH: usize = 8;

/// The labels of a cluster, `<cluster>.<team>`. Host names take no `_`, so it becomes `-`; two
/// clusters whose names differ in nothing else are refused where definitions are checked.
pub fn of(cluster: &ClusterRef) -> String {
    format!(
        "{}.{}",
        label(cluster.name.as_str()),
        label(cluster.team.as_str())
    )
}

fn label(name: &str) -> String {
    let label = name.replace('_', "-");
    if label.len() <= LABEL_MAX {
        return label;
    }
    let hash = &digest([name])[..HASH];
    let kept = label[..LABEL_MAX - HASH - 1].trim_end_matches('-');
    format!("{kept}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels_of_host_names() {
        let longest = "a".repeat(64);
        let long_label = format!("{}-{}", "a".repeat(54), &digest([longest.as_str()])[..8]);
        for (cluster, expected) in [
            ("weather/etl".to_owned(), "etl.weather".to_owned()),
            (
                "data_eng/intra_day-etl".to_owned(),
                "intra-day-etl.data-eng".to_owned(),
            ),
            (
                format!("weather/{longest}"),
                format!("{long_label}.weather"),
            ),
        ] {
            let address = of(&cluster.parse().unwrap());
            assert_eq!(address, expected);
            assert!(address.split('.').all(|label| label.len() <= LABEL_MAX));
        }
    }
}
