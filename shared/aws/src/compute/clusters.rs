//! EMR clusters: requested, listed by name, described with their endpoint, terminated.

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{
    Cluster, ClusterState as EmrState, ClusterStatus, ClusterSummary, InstanceFleetType,
    InstanceGroupType, InstanceState,
};
use model::Timestamp;
use model::cluster::{Endpoint, InstanceKey};
use model::id::EmrClusterId;
use model::observation::{ClusterObservation, ClusterState};
use ports::{ClusterRequest, ComputeError, SubmitError};

use super::answer::{self, is_wrong, unavailable};
use super::job_flow::{self, EmrSettings};
use super::{Named, once, timestamp};
use crate::envelope::{cluster_state, coded};
use crate::secrets::{TeamSecrets, Values};

/// The most clusters one call terminates.
const TERMINATED: usize = 10;

/// Where EMR's applications listen on the primary node, by name in lower case.
const PORTS: [(&str, u16); 10] = [
    ("flink", 8081),
    ("hbase", 16010),
    ("hive", 10000),
    ("hue", 8888),
    ("jupyterhub", 9443),
    ("livy", 8998),
    ("presto", 8889),
    ("spark", 18080),
    ("trino", 8889),
    ("zeppelin", 8890),
];

/// Asks for a cluster. What its definition refers to is read just before.
pub async fn request(
    emr: &Named<Client>,
    secrets: &TeamSecrets,
    settings: &EmrSettings,
    request: &ClusterRequest,
) -> Result<EmrClusterId, SubmitError> {
    let references = job_flow::references(&request.cluster.emr);
    let values = if references.is_empty() {
        Values::none()
    } else {
        let team = &request.instance.cluster.team;
        secrets.read(&emr.deployment, team, references).await?
    };
    let call = emr.client().run_job_flow();
    let call = job_flow::of(call, &emr.deployment, settings, request, &values)
        .customize()
        .config_override(once::<aws_sdk_emr::config::Builder>());
    let sent = Box::pin(call.send()).await;
    let answer = sent.map_err(|error| answer::of_secrets(error, &values))?;
    let id = answer.job_flow_id.filter(|id| !id.is_empty());
    id.map(EmrClusterId::from)
        .ok_or_else(|| SubmitError::Unknown {
            reason: "EMR gave no id".into(),
        })
}

/// Lists clusters that bear one of the deployment's names, in whatever state.
pub async fn list(
    emr: &Named<Client>,
    created_since: Timestamp,
) -> Result<Vec<ClusterObservation>, ComputeError> {
    let since = aws_smithy_types::DateTime::from_millis(created_since.as_millisecond());
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let request = emr
            .client()
            .list_clusters()
            .created_after(since)
            .set_marker(marker);
        let answer = Box::pin(request.send()).await.map_err(unavailable)?;
        found.extend(
            answer
                .clusters
                .unwrap_or_default()
                .iter()
                .filter_map(|cluster| listed(emr, cluster)),
        );
        marker = answer.marker;
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// Describes a cluster; `None` when EMR does not know it or it is not this deployment's.
pub async fn describe(
    emr: &Named<Client>,
    id: &EmrClusterId,
) -> Result<Option<ClusterObservation>, ComputeError> {
    let Some(cluster) = load(emr, id).await? else {
        return Ok(None);
    };
    let name = cluster.name().and_then(|name| emr.deployment.key(name));
    let (Some(instance), Some(status)) = (name, cluster.status()) else {
        return Ok(None);
    };
    let Some(mut seen) = observation(instance, id.clone(), status) else {
        return Ok(None);
    };
    if seen.state.is_up() {
        seen.endpoint = endpoint(emr, id, &cluster).await?;
    }
    Ok(Some(seen))
}

async fn load(emr: &Named<Client>, id: &EmrClusterId) -> Result<Option<Cluster>, ComputeError> {
    let request = emr.client().describe_cluster().cluster_id(id.as_str());
    match Box::pin(request.send()).await {
        Ok(answer) => Ok(answer.cluster),
        Err(error) if is_wrong(&error) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// Whether a cluster is in a state in which it takes steps.
pub async fn takes_steps(emr: &Named<Client>, id: &EmrClusterId) -> Result<bool, ComputeError> {
    Ok(state(emr, id)
        .await?
        .is_some_and(|state| !state.is_ending()))
}

async fn state(
    emr: &Named<Client>,
    id: &EmrClusterId,
) -> Result<Option<ClusterState>, ComputeError> {
    let cluster = load(emr, id).await?;
    let state = cluster
        .as_ref()
        .and_then(Cluster::status)
        .and_then(ClusterStatus::state);
    Ok(state.and_then(|state| cluster_state(state.as_str())))
}

/// Asks to terminate clusters; those that have ended are left alone.
pub async fn terminate(emr: &Named<Client>, ids: &[EmrClusterId]) -> Result<(), ComputeError> {
    for chunk in ids.chunks(TERMINATED) {
        if terminate_all(emr, chunk).await?.is_none() {
            continue;
        }
        // One that is wrong makes EMR refuse them all.
        for id in chunk {
            let refused = terminate_all(emr, std::slice::from_ref(id)).await?;
            let Some(refused) = refused else { continue };
            if takes_steps(emr, id).await? {
                return Err(refused);
            }
        }
    }
    Ok(())
}

/// Asks in one call; gives the error of a call that EMR found wrong.
async fn terminate_all(
    emr: &Named<Client>,
    ids: &[EmrClusterId],
) -> Result<Option<ComputeError>, ComputeError> {
    let ids = ids.iter().map(ToString::to_string).collect();
    let request = emr
        .client()
        .terminate_job_flows()
        .set_job_flow_ids(Some(ids));
    match Box::pin(request.send()).await {
        Ok(_) => Ok(None),
        Err(error) if is_wrong(&error) => Ok(Some(unavailable(error))),
        Err(error) => Err(unavailable(error)),
    }
}

fn listed(emr: &Named<Client>, cluster: &ClusterSummary) -> Option<ClusterObservation> {
    let instance = emr.deployment.key(cluster.name()?)?;
    observation(
        instance,
        EmrClusterId::from(cluster.id()?),
        cluster.status()?,
    )
}

fn observation(
    instance: InstanceKey,
    id: EmrClusterId,
    status: &ClusterStatus,
) -> Option<ClusterObservation> {
    let reason = status.state_change_reason().and_then(|reason| {
        coded(
            reason.code().map_or("", |code| code.as_str()),
            reason.message().unwrap_or(""),
        )
    });
    let times = status.timeline();
    let at = times.and_then(|times| {
        times
            .end_date_time()
            .or(times.ready_date_time())
            .or(times.creation_date_time())
    });
    Some(ClusterObservation {
        instance,
        id,
        state: cluster_state(status.state().map(EmrState::as_str)?)?,
        endpoint: None,
        reason,
        at: at.map_or(Timestamp::UNIX_EPOCH, timestamp),
    })
}

async fn endpoint(
    emr: &Named<Client>,
    id: &EmrClusterId,
    cluster: &Cluster,
) -> Result<Option<Endpoint>, ComputeError> {
    let Some(master_dns) = cluster.master_public_dns_name() else {
        return Ok(None);
    };
    let private_ip = match address_in(master_dns) {
        Some(address) => Some(address),
        None => primary_address(emr, id, cluster).await?,
    };
    let port = |name: &str| {
        let name = name.to_ascii_lowercase();
        let known = PORTS.iter().find(|(known, _)| *known == name);
        known.map(|(_, port)| (name, *port))
    };
    let applications = cluster.applications().iter();
    Ok(Some(Endpoint {
        name: None,
        master_dns: master_dns.to_owned(),
        private_ip,
        ports: applications.filter_map(|one| port(one.name()?)).collect(),
    }))
}

/// Reads the address in a private name such as `ip-10-0-1-17.ec2.internal`.
fn address_in(private_name: &str) -> Option<String> {
    let host = private_name.split('.').next()?.strip_prefix("ip-")?;
    let address: std::net::Ipv4Addr = host.replace('-', ".").parse().ok()?;
    Some(address.to_string())
}

/// Asks for the primary node's private address; public names do not tell it.
async fn primary_address(
    emr: &Named<Client>,
    id: &EmrClusterId,
    cluster: &Cluster,
) -> Result<Option<String>, ComputeError> {
    let request = emr
        .client()
        .list_instances()
        .cluster_id(id.as_str())
        .instance_states(InstanceState::Running);
    let has_fleets = cluster
        .instance_collection_type()
        .is_some_and(|kind| kind.as_str() == "INSTANCE_FLEET");
    let request = if has_fleets {
        request.instance_fleet_type(InstanceFleetType::Master)
    } else {
        request.instance_group_types(InstanceGroupType::Master)
    };
    let answer = Box::pin(request.send()).await.map_err(unavailable)?;
    let primary = answer.instances.unwrap_or_default().into_iter().next();
    Ok(primary.and_then(|primary| primary.private_ip_address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_names_tell_their_address() {
        let cases = [
            ("ip-10-0-1-17.ec2.internal", Some("10.0.1.17")),
            ("ip-10-0-1-17.eu-west-1.compute.internal", Some("10.0.1.17")),
            ("ec2-3-80-1-2.compute-1.amazonaws.com", None),
            ("ip-10-0-1.ec2.internal", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(address_in(name).as_deref(), expected, "{name}");
        }
    }
}
