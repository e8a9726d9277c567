//! A cluster's definition as a RunJobFlow request. Pure.

use std::collections::BTreeSet;

use aws_sdk_emr::operation::run_job_flow::builders::RunJobFlowFluentBuilder;
use aws_sdk_emr::types::{
    Application, AutoTerminationPolicy, BootstrapActionConfig, Configuration,
    ScriptBootstrapActionConfig, Tag,
};
use model::definition::{
    BootstrapAction, Configuration as Written, EmrSpec, Property, SecretReference,
};
use ports::ClusterRequest;

use super::{DEPLOYMENT_TAG, machines};
use crate::Deployment;
use crate::secrets::Values;

/// What the managed policy of EMR's service role (`AmazonEMRServicePolicy_v2`) wants of a cluster
/// before it lets EMR bring up machines for it.
const POLICY_TAG: &str = "for-use-with-amazon-emr-managed-policies";

/// What the deployment gives every cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmrSettings {
    /// The role EMR works with.
    pub service_role: String,
    /// The instance profile of the machines.
    pub instance_profile: String,
    /// Where clusters go that name no subnet.
    pub subnet: Option<String>,
    /// Where clusters log that name no place.
    pub log_uri: Option<String>,
}

/// Fills in a request with the values its definition refers to.
pub fn of(
    call: RunJobFlowFluentBuilder,
    deployment: &Deployment,
    settings: &EmrSettings,
    request: &ClusterRequest,
    values: &Values,
) -> RunJobFlowFluentBuilder {
    let (cluster, emr) = (&request.cluster, &request.cluster.emr);
    let configurations = emr.configurations.iter();
    let configurations: Vec<Configuration> = configurations
        .map(|written| configuration(written, values))
        .collect();
    let idle_s = i64::try_from(emr.auto_termination.0).unwrap_or(i64::MAX);
    let idle = AutoTerminationPolicy::builder().idle_timeout(idle_s);
    let applications = emr.applications.iter();
    let applications: Vec<Application> = applications
        .map(|name| Application::builder().name(name).build())
        .collect();
    let actions: Vec<BootstrapActionConfig> =
        emr.bootstrap_actions.iter().map(bootstrap_action).collect();
    let scaling = emr.instances.managed_scaling;
    let profile = emr.instance_profile.as_ref();
    let fleets = emr.instances.are_fleets();
    call.name(deployment.name(&request.instance))
        .release_label(&emr.release)
        .set_log_uri(emr.log_uri.clone().or_else(|| settings.log_uri.clone()))
        .service_role(&settings.service_role)
        .job_flow_role(profile.unwrap_or(&settings.instance_profile))
        .set_applications(Some(applications))
        .set_configurations((!configurations.is_empty()).then_some(configurations))
        .set_bootstrap_actions((!actions.is_empty()).then_some(actions))
        .set_security_configuration(emr.security_configuration.clone())
        .set_custom_ami_id(emr.custom_ami.clone())
        .set_ebs_root_volume_size(emr.root_volume_gib.map(count))
        .set_managed_scaling_policy(scaling.map(|bounds| machines::scaling_policy(bounds, fleets)))
        .set_tags(Some(tags(deployment, request)))
        .auto_termination_policy(idle.build())
        .step_concurrency_level(count(cluster.step_concurrency))
        .visible_to_all_users(true)
        .instances(machines::of(emr, settings))
}

fn tags(deployment: &Deployment, request: &ClusterRequest) -> Vec<Tag> {
    let tag = |name: &str, value: &str| Tag::builder().key(name).value(value).build();
    let instance = &request.instance;
    let written = request.cluster.tags.iter();
    let mut tags: Vec<Tag> = written.map(|(name, value)| tag(name, value)).collect();
    tags.push(tag(POLICY_TAG, "true"));
    tags.push(tag(DEPLOYMENT_TAG, deployment.as_str()));
    tags.push(tag("murmur:instance", &instance.to_string()));
    tags.push(tag("murmur:team", instance.cluster.team.as_str()));
    tags.push(tag("murmur:cluster", instance.cluster.name.as_str()));
    tags
}

fn bootstrap_action(action: &BootstrapAction) -> BootstrapActionConfig {
    let script = ScriptBootstrapActionConfig::builder()
        .path(&action.script)
        .set_args(Some(action.args.clone()));
    BootstrapActionConfig::builder()
        .name(&action.name)
        .script_bootstrap_action(script.build())
        .build()
}

fn configuration(written: &Written, values: &Values) -> Configuration {
    let mut read = Configuration::builder().classification(&written.classification);
    for (name, property) in &written.properties {
        let value = match property {
            Property::Text(text) => text,
            Property::Secret(reference) => values
                .get(reference)
                .expect("all that the definition refers to was read"),
        };
        read = read.properties(name, value);
    }
    for inner in &written.configurations {
        read = read.configurations(configuration(inner, values));
    }
    read.build()
}

/// What the classifications of a cluster refer to.
pub fn references(emr: &EmrSpec) -> BTreeSet<&SecretReference> {
    let mut references = BTreeSet::new();
    let mut left: Vec<&Written> = emr.configurations.iter().collect();
    while let Some(written) = left.pop() {
        for property in written.properties.values() {
            match property {
                Property::Text(_) => {}
                Property::Secret(reference) => {
                    references.insert(reference);
                }
            }
        }
        left.extend(&written.configurations);
    }
    references
}

/// A count as EMR has it.
pub fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
