//! Clusters.

use model::definition::{
    BootstrapAction as LoweredAction, CatchUp, Cluster as Lowered, EmrSpec,
    InstanceGroup as LoweredGroup, Instances as LoweredInstances, ManagedScaling, ScheduleSpec,
};
use model::name::ClusterRef;
use model::units::Seconds;

use super::{arguments, text};
use crate::check::DEFAULT_ZONE;
use crate::read::{ShortOr, Text, Tried};
use crate::source::At;
use crate::written::{BootstrapAction, Cluster, Group, Instances};

const DRAIN: Seconds = Seconds::minutes(30);
const AUTO_TERMINATION: Seconds = Seconds::hours(1);
const STEP_CONCURRENCY: u32 = 10;
const REPLACEMENTS: u32 = 2;

/// How long open work may go on after the terminate instant.
pub(crate) fn drain(cluster: &Cluster) -> Seconds {
    let written = cluster
        .terminate
        .get()
        .and_then(|terminate| terminate.drain);
    written.map_or(DRAIN, |drain| drain.0)
}

/// Converts a cluster.
pub(super) fn lower(name: &ClusterRef, cluster: &Cluster) -> Option<Lowered> {
    let (begin, end) = (cluster.provision.get()?, cluster.terminate.get()?);
    let replacements = cluster
        .replacements
        .map_or(Some(REPLACEMENTS), |number| number.fit());
    let concurrency = cluster
        .step_concurrency
        .map_or(Some(STEP_CONCURRENCY), |number| number.fit());
    Some(Lowered {
        team: name.team.clone(),
        name: name.name.clone(),
        description: text(cluster.description.as_ref()),
        provision: instants(&begin.expression, begin.timezone.as_ref())?,
        terminate: instants(&end.expression, end.timezone.as_ref())?,
        drain: drain(cluster),
        tags: arguments(cluster.tags.as_ref()),
        step_concurrency: concurrency?,
        replacements: replacements?,
        emr: emr(cluster)?,
    })
}

/// A window acts only on its own instants (rule 13), so nothing is caught up.
fn instants(expression: &Tried<At<Text>>, timezone: Option<&At<Text>>) -> Option<ScheduleSpec> {
    Some(ScheduleSpec {
        expression: expression.get()?.value.0.clone(),
        timezone: text(timezone.map(|zone| &zone.value)).unwrap_or_else(|| DEFAULT_ZONE.into()),
        catch_up: CatchUp::None,
    })
}

fn emr(cluster: &Cluster) -> Option<EmrSpec> {
    let applications = cluster.applications.iter().flatten();
    let configurations = cluster.configurations.iter().flatten();
    let actions = cluster.bootstrap_actions.iter().flatten();
    let idle = cluster.auto_termination.as_ref();
    Some(EmrSpec {
        release: cluster.release.get()?.value.0.clone(),
        applications: applications.map(|name| name.value.0.clone()).collect(),
        instances: instances(cluster.instances.get()?)?,
        configurations: configurations
            .map(|json| json.value.value.clone())
            .collect(),
        bootstrap_actions: actions.map(action).collect::<Option<_>>()?,
        security_configuration: text(cluster.security_configuration.as_ref()),
        log_uri: text(cluster.log_uri.as_ref().map(|uri| &uri.value)),
        subnet: text(cluster.subnet.as_ref()),
        auto_termination: idle.map_or(AUTO_TERMINATION, |idle| idle.value.0),
    })
}

fn instances(instances: &Instances) -> Option<LoweredInstances> {
    let scaling = match &instances.managed_scaling {
        None => None,
        Some(bounds) => Some(ManagedScaling {
            minimum: bounds.value.minimum.get()?.fit()?,
            maximum: bounds.value.maximum.get()?.fit()?,
        }),
    };
    let optional = |written: &Option<Group>| match written {
        None => Some(None),
        Some(written) => group(written).map(Some),
    };
    Some(LoweredInstances {
        primary: group(instances.primary.get()?)?,
        core: optional(&instances.core)?,
        task: optional(&instances.task)?,
        managed_scaling: scaling,
    })
}

fn group(group: &Group) -> Option<LoweredGroup> {
    Some(match group {
        ShortOr::Short(only) => LoweredGroup {
            types: vec![only.value.0.clone()],
            count: 1,
            ..LoweredGroup::default()
        },
        ShortOr::Long(At { value: group, .. }) => {
            let several = group.types.iter().flat_map(|types| &types.value);
            let types = group.r#type.iter().chain(several);
            LoweredGroup {
                types: types.map(|text| text.value.0.clone()).collect(),
                count: group
                    .count
                    .as_ref()
                    .map_or(Some(1), |count| count.value.fit())?,
                spot_percent: group.spot.map_or(0, |spot| spot.0),
                volume_gib: group.volume_gib.and_then(|size| size.fit()),
            }
        }
    })
}

fn action(action: &BootstrapAction) -> Option<LoweredAction> {
    Some(LoweredAction {
        name: action.name.get()?.0.clone(),
        script: action.script.get()?.0.clone(),
        args: action
            .args
            .iter()
            .flatten()
            .map(|argument| argument.0.clone())
            .collect(),
    })
}
