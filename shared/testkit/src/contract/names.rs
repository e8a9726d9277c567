//! What every adapter of names must do.

use model::name::ClusterRef;
use ports::Names;

use super::settles;

/// Names with a look at where they lead.
#[allow(async_fn_in_trait)] // tests run on one thread
pub trait NamesBench {
    type Names: Names;

    /// Names of a zone that nothing is in yet.
    fn names(&self) -> &Self::Names;

    /// Where a name leads, to those who ask the zone.
    async fn host(&self, name: &str) -> Option<String>;
}

/// Runs the whole suite.
///
/// # Panics
/// Where the names differ from the contract.
pub async fn all<B: NamesBench>(make: impl AsyncFn() -> B) {
    a_name_belongs_to_one_cluster(&make().await);
    a_name_leads_where_it_was_last_pointed(&make().await).await;
    names_do_not_disturb_each_other(&make().await).await;
}

fn cluster(text: &str) -> ClusterRef {
    text.parse().expect("it is a cluster")
}

fn name(bench: &impl NamesBench, text: &str) -> String {
    let name = bench.names().name_of(&cluster(text));
    name.expect("the bench has a zone")
}

/// The name says which cluster of which team it is, and is always the same.
pub fn a_name_belongs_to_one_cluster(bench: &impl NamesBench) {
    let own = name(bench, "energy/intra_day");
    assert!(own.starts_with("intra-day.energy."), "{own}");
    assert_eq!(own, name(bench, "energy/intra_day"));
    assert_ne!(own, name(bench, "weather/intra_day"));
    assert_ne!(own, name(bench, "energy/evening"));
}

/// Pointing a name is safe to repeat, and replaces what was there.
pub async fn a_name_leads_where_it_was_last_pointed(bench: &impl NamesBench) {
    let name = name(bench, "energy/analytics");
    assert_eq!(bench.host(&name).await, None);
    for host in [
        "ip-10-0-0-1.ec2.internal",
        "ip-10-0-0-1.ec2.internal",
        "ip-10-0-0-2.ec2.internal",
        "ip-10-0-0-1.ec2.internal",
    ] {
        bench
            .names()
            .point(&name, host)
            .await
            .expect("it is pointed");
        settles(&name, Some(host.to_owned()), async || {
            bench.host(&name).await
        })
        .await;
    }
}

/// One name's host is nothing to another.
pub async fn names_do_not_disturb_each_other(bench: &impl NamesBench) {
    let (one, other) = (name(bench, "energy/a"), name(bench, "energy/b"));
    bench
        .names()
        .point(&one, "one.internal")
        .await
        .expect("it is pointed");
    bench
        .names()
        .point(&other, "other.internal")
        .await
        .expect("it is pointed");
    for (name, host) in [(one, "one.internal"), (other, "other.internal")] {
        settles(&name, Some(host.to_owned()), async || {
            bench.host(&name).await
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryNames, block_on};

    struct Bench(MemoryNames);

    impl NamesBench for Bench {
        type Names = MemoryNames;
        fn names(&self) -> &MemoryNames {
            &self.0
        }
        async fn host(&self, name: &str) -> Option<String> {
            self.0.host(name)
        }
    }

    #[test]
    fn names_in_memory_keep_the_contract() {
        block_on(all(async || {
            let names = MemoryNames::default();
            names.serve("clusters.example");
            Bench(names)
        }));
    }
}
