//! The stable name of a cluster follows its newest instance.

use choreography::instance::naming;
use model::cluster::Instance;
use model::name::ClusterRef;
use ports::{Clock as _, Names as _, Ports, Trouble};
use protocols::registry;

/// Lets the cluster's name lead to where the registry says, if it has a name.
///
/// Write, then look (rule 16): whoever has pointed the name looks at the registry again, so of two
/// who do it at once the one that is last leaves it where it belongs.
pub(crate) async fn settle(ports: &impl Ports, cluster: &ClusterRef) -> Result<(), Trouble> {
    let Some(name) = ports.names().name_of(cluster) else {
        return Ok(());
    };
    let mut pointed: Option<String> = None;
    loop {
        let Some(host) = host(ports, cluster).await? else {
            return Ok(());
        };
        if pointed.as_ref() == Some(&host) {
            return Ok(());
        }
        ports.names().point(&name, &host).await?;
        tracing::info!(name, host, "a name leads to an instance");
        pointed = Some(host);
    }
}

async fn host(ports: &impl Ports, cluster: &ClusterRef) -> Result<Option<String>, Trouble> {
    let recent = registry::recent_instances(ports, cluster, ports.clock().now()).await?;
    let recent: Vec<Instance> = recent.into_iter().map(|read| read.value).collect();
    Ok(naming::leads_to(&recent).map(|endpoint| endpoint.master_dns.clone()))
}
