//! Clusters.

use std::collections::BTreeMap;

use model::cluster::IDLE_AFTER;
use model::definition::{
    BootstrapAction as LoweredAction, CatchUp, Cluster as Lowered,
    Configuration as LoweredConfiguration, EmrSpec, Property as LoweredProperty, ScheduleSpec,
    SecretReference, SecurityGroups as LoweredGroups,
};
use model::name::{ClusterRef, Name};
use model::units::Seconds;

use super::machines::instances;
use super::{arguments, text};
use crate::check::DEFAULT_ZONE;
use crate::read::{Map, ShortOr, Text, Tried};
use crate::source::At;
use crate::written::{
    BootstrapAction, Cluster, Configuration, InnerConfiguration, Property, SecurityGroups,
};

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
        idle_after: cluster.idle_after.map_or(IDLE_AFTER, |after| after.0),
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
    let subnets = cluster.subnet.iter().flat_map(|subnets| &subnets.value.0);
    let groups = cluster.security_groups.as_ref();
    let idle = cluster.auto_termination.as_ref();
    let inner = |written: &Option<At<Text>>| text(written.as_ref().map(|written| &written.value));
    Some(EmrSpec {
        release: cluster.release.get()?.value.0.clone(),
        applications: applications.map(|name| name.value.0.clone()).collect(),
        instances: instances(cluster.instances.get()?)?,
        configurations: configurations.map(configuration).collect::<Option<_>>()?,
        bootstrap_actions: actions.map(action).collect::<Option<_>>()?,
        security_configuration: text(cluster.security_configuration.as_ref()),
        log_uri: inner(&cluster.log_uri),
        subnets: subnets.map(|subnet| subnet.0.clone()).collect(),
        security_groups: groups.map(|groups| security_groups(&groups.value)),
        key_pair: text(cluster.key_pair.as_ref()),
        instance_profile: inner(&cluster.instance_profile),
        custom_ami: inner(&cluster.custom_ami),
        root_volume_gib: cluster.root_volume_gib.and_then(|size| size.fit()),
        auto_termination: idle.map_or(AUTO_TERMINATION, |idle| idle.value.0),
    })
}

fn security_groups(groups: &SecurityGroups) -> LoweredGroups {
    let one = |group: &Option<At<Text>>| text(group.as_ref().map(|group| &group.value));
    let several = |groups: &Option<Vec<At<Text>>>| {
        let groups = groups.iter().flatten();
        groups.map(|group| group.value.0.clone()).collect()
    };
    LoweredGroups {
        primary: one(&groups.primary),
        core: one(&groups.core),
        service: one(&groups.service),
        additional_primary: several(&groups.additional_primary),
        additional_core: several(&groups.additional_core),
    }
}

fn configuration(written: &Configuration) -> Option<LoweredConfiguration> {
    let inner = written.Configurations.iter().flatten();
    Some(LoweredConfiguration {
        classification: written.Classification.get()?.0.clone(),
        properties: properties(written.Properties.as_ref())?,
        configurations: inner.map(inner_configuration).collect::<Option<_>>()?,
    })
}

fn inner_configuration(written: &InnerConfiguration) -> Option<LoweredConfiguration> {
    Some(LoweredConfiguration {
        classification: written.Classification.get()?.0.clone(),
        properties: properties(written.Properties.as_ref())?,
        configurations: Vec::new(),
    })
}

fn properties(written: Option<&Map<Property>>) -> Option<BTreeMap<String, LoweredProperty>> {
    let written = written.iter().flat_map(|all| all.values());
    let read = written.map(|(name, value)| Some((name.value.clone(), property(value)?)));
    read.collect()
}

fn property(written: &Property) -> Option<LoweredProperty> {
    Some(match written {
        ShortOr::Short(value) => LoweredProperty::Text(value.0.clone()),
        ShortOr::Long(reference) => LoweredProperty::Secret(SecretReference {
            secret: Name::new(&reference.secret.get()?.value.0).ok()?,
            field: text(reference.field.as_ref()),
        }),
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
