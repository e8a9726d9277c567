//! Clusters: listed, described, protected, terminated.

use model::id::EmrClusterId;
use model::observation::ClusterState;
use ports::Compute as _;
use serde_json::{Value, json};

use super::{PAGE, shape};
use crate::answer::Refusal;
use crate::read::{page, text, texts};
use crate::world::{Cluster, World};

/// The most clusters one call terminates or protects.
const IDS: usize = 10;

pub fn list(world: &World, body: &Value) -> Result<Value, Refusal> {
    let bound_ms = |name: &str| body[name].as_f64().map(|at_s| at_s * 1000.0);
    let (after, before) = (bound_ms("CreatedAfter"), bound_ms("CreatedBefore"));
    let states = texts(body, "ClusterStates");
    #[allow(clippy::cast_precision_loss)] // milliseconds of this era fit
    let wanted = |cluster: &&Cluster| {
        let created = cluster.created_ms as f64;
        after.is_none_or(|after| created >= after)
            && before.is_none_or(|before| created <= before)
            && (states.is_empty() || states.contains(&shape::cluster_state(cluster.state)))
    };
    let found = world.clusters.values().filter(wanted);
    let page = page(found, &body["Marker"], PAGE).ok_or_else(|| marker(body))?;
    let clusters = page.entries.into_iter();
    let clusters: Vec<Value> = clusters
        .map(|cluster| shape::cluster_summary(world, cluster))
        .collect();
    Ok(shape::with_marker(
        json!({ "Clusters": clusters }),
        page.next,
    ))
}

pub fn describe(world: &World, body: &Value) -> Result<Value, Refusal> {
    let cluster = known(world, text(body, "ClusterId"))?;
    Ok(json!({ "Cluster": shape::cluster(world, cluster) }))
}

pub fn list_instances(world: &World, body: &Value) -> Result<Value, Refusal> {
    let cluster = known(world, text(body, "ClusterId"))?;
    let (groups, fleet) = (
        texts(body, "InstanceGroupTypes"),
        text(body, "InstanceFleetType"),
    );
    let has_fleets = shape::has_fleets(cluster);
    if (has_fleets && !groups.is_empty()) || (!has_fleets && !fleet.is_empty()) {
        let message = "The cluster's instances are of the other collection type.";
        return Err(Refusal::invalid(message));
    }
    let of_primary =
        (groups.is_empty() && fleet.is_empty()) || groups.contains(&"MASTER") || fleet == "MASTER";
    let states = texts(body, "InstanceStates");
    let asked = states.is_empty() || states.contains(&"RUNNING");
    let instances: Vec<Value> = if of_primary && asked && cluster.state.is_up() {
        vec![shape::primary(cluster)]
    } else {
        Vec::new()
    };
    Ok(json!({ "Instances": instances }))
}

pub fn protect(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    let ids = ids(world, body)?;
    let protected = body["TerminationProtected"] == true;
    for id in ids {
        if let Some(cluster) = world.clusters.get_mut(&id) {
            cluster.protected = protected;
        }
    }
    Ok(json!({}))
}

pub fn terminate(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    let ids = ids(world, body)?;
    let protected = |id: &String| {
        let cluster = world.clusters.get(id);
        cluster.is_some_and(|cluster| cluster.protected && !cluster.state.is_ending())
    };
    if ids.iter().any(protected) {
        let message =
            "Could not shut down one or more job flows since they are termination protected.";
        return Err(Refusal::validation(message));
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    end(world, &ids);
    Ok(json!({}))
}

/// Ends clusters; those that have ended are left alone.
pub fn end(world: &mut World, ids: &[&str]) {
    let ids: Vec<EmrClusterId> = ids.iter().map(|id| EmrClusterId::from(*id)).collect();
    let asked = pollster::block_on(world.compute.terminate_clusters(&ids));
    asked.expect("the local compute's memory can be written");
}

/// A cluster by its id.
pub fn known<'a>(world: &'a World, id: &str) -> Result<&'a Cluster, Refusal> {
    world
        .clusters
        .get(id)
        .ok_or_else(|| Refusal::invalid(format!("Cluster id '{id}' is not valid.")))
}

/// Whether a cluster in this state takes steps.
pub fn takes_steps(state: ClusterState) -> bool {
    !state.is_ending()
}

fn ids(world: &World, body: &Value) -> Result<Vec<String>, Refusal> {
    let ids = texts(body, "JobFlowIds");
    if ids.is_empty() || ids.len() > IDS {
        let message = format!("Specify between 1 and {IDS} job flow ids.");
        return Err(Refusal::validation(message));
    }
    if ids.iter().any(|id| !world.clusters.contains_key(*id)) {
        return Err(Refusal::validation("Specified job flow ID does not exist."));
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}

/// A marker that is none of ours.
pub fn marker(body: &Value) -> Refusal {
    Refusal::invalid(format!("Marker '{}' is not valid.", text(body, "Marker")))
}
