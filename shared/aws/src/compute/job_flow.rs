//! A cluster's definition as a RunJobFlow request. Pure.
//!
//! EMR has machines of a role as a group (one type, all on demand or all Spot) or as a fleet
//! (several types, a share of Spot), and takes only one kind per cluster.

use aws_sdk_emr::operation::run_job_flow::builders::RunJobFlowFluentBuilder;
use aws_sdk_emr::types::{
    Application, AutoTerminationPolicy, BootstrapActionConfig, ComputeLimits,
    ComputeLimitsUnitType, Configuration, EbsBlockDeviceConfig, EbsConfiguration,
    InstanceFleetConfig, InstanceFleetProvisioningSpecifications, InstanceFleetType,
    InstanceGroupConfig, InstanceRoleType, InstanceTypeConfig, JobFlowInstancesConfig,
    ManagedScalingPolicy, MarketType, ScriptBootstrapActionConfig,
    SpotProvisioningAllocationStrategy, SpotProvisioningSpecification,
    SpotProvisioningTimeoutAction, Tag, VolumeSpecification,
};
use model::definition::{BootstrapAction, EmrSpec, InstanceGroup, ManagedScaling};
use ports::ClusterRequest;
use serde_json::Value;

use super::DEPLOYMENT_TAG;
use crate::Deployment;

/// How long EMR looks for Spot machines before it takes others, in minutes.
const SPOT_WITHIN_MIN: i32 = 15;
/// The type of the volumes that definitions size.
const VOLUME_TYPE: &str = "gp3";

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

/// Fills in a request; an error says what of the definition EMR cannot be told.
pub fn of(
    call: RunJobFlowFluentBuilder,
    deployment: &Deployment,
    settings: &EmrSettings,
    request: &ClusterRequest,
) -> Result<RunJobFlowFluentBuilder, String> {
    let (cluster, emr) = (&request.cluster, &request.cluster.emr);
    let configurations: Result<Vec<Configuration>, String> =
        emr.configurations.iter().map(configuration).collect();
    let configurations = configurations?;
    let idle_s = i64::try_from(emr.auto_termination.0).unwrap_or(i64::MAX);
    let idle = AutoTerminationPolicy::builder().idle_timeout(idle_s);
    let applications = emr.applications.iter();
    let applications: Vec<Application> = applications
        .map(|name| Application::builder().name(name).build())
        .collect();
    let actions: Vec<BootstrapActionConfig> =
        emr.bootstrap_actions.iter().map(bootstrap_action).collect();
    let scaling = emr.instances.managed_scaling;
    Ok(call
        .name(deployment.name(&request.instance))
        .release_label(&emr.release)
        .set_log_uri(emr.log_uri.clone().or_else(|| settings.log_uri.clone()))
        .service_role(&settings.service_role)
        .job_flow_role(&settings.instance_profile)
        .set_applications(Some(applications))
        .set_configurations((!configurations.is_empty()).then_some(configurations))
        .set_bootstrap_actions((!actions.is_empty()).then_some(actions))
        .set_security_configuration(emr.security_configuration.clone())
        .set_managed_scaling_policy(scaling.map(|bounds| scaling_policy(bounds, has_fleets(emr))))
        .set_tags(Some(tags(deployment, request)))
        .auto_termination_policy(idle.build())
        .step_concurrency_level(count(cluster.step_concurrency))
        .visible_to_all_users(true)
        .instances(instances(emr, settings)))
}

fn tags(deployment: &Deployment, request: &ClusterRequest) -> Vec<Tag> {
    let tag = |name: &str, value: &str| Tag::builder().key(name).value(value).build();
    let instance = &request.instance;
    let written = request.cluster.tags.iter();
    let mut tags: Vec<Tag> = written.map(|(name, value)| tag(name, value)).collect();
    tags.push(tag(DEPLOYMENT_TAG, deployment.as_str()));
    tags.push(tag("murmur:instance", &instance.to_string()));
    tags.push(tag("murmur:team", instance.cluster.team.as_str()));
    tags.push(tag("murmur:cluster", instance.cluster.name.as_str()));
    tags
}

fn instances(emr: &EmrSpec, settings: &EmrSettings) -> JobFlowInstancesConfig {
    let machines = &emr.instances;
    let config = JobFlowInstancesConfig::builder()
        .keep_job_flow_alive_when_no_steps(true)
        .termination_protected(false);
    let subnet = emr.subnet.clone().or_else(|| settings.subnet.clone());
    let roles = [
        (Role::Primary, Some(&machines.primary)),
        (Role::Core, machines.core.as_ref()),
        (Role::Task, machines.task.as_ref()),
    ];
    let roles = roles
        .into_iter()
        .filter_map(|(role, group)| Some((role, group?)));
    if has_fleets(emr) {
        let fleets = roles
            .map(|(role, machines)| fleet(role, machines))
            .collect();
        config
            .set_instance_fleets(Some(fleets))
            .set_ec2_subnet_ids(subnet.map(|one| vec![one]))
    } else {
        let groups = roles
            .map(|(role, machines)| group(role, machines))
            .collect();
        config
            .set_instance_groups(Some(groups))
            .set_ec2_subnet_id(subnet)
    }
    .build()
}

/// Whether some role needs what only fleets have.
fn has_fleets(emr: &EmrSpec) -> bool {
    let machines = &emr.instances;
    let roles = [
        Some(&machines.primary),
        machines.core.as_ref(),
        machines.task.as_ref(),
    ];
    let mut roles = roles.into_iter().flatten();
    roles.any(|role| role.types.len() > 1 || (1..100).contains(&role.spot_percent))
}

#[derive(Clone, Copy)]
enum Role {
    Primary,
    Core,
    Task,
}

fn group(role: Role, machines: &InstanceGroup) -> InstanceGroupConfig {
    let kind = match role {
        Role::Primary => InstanceRoleType::Master,
        Role::Core => InstanceRoleType::Core,
        Role::Task => InstanceRoleType::Task,
    };
    let spot = machines.spot_percent == 100;
    InstanceGroupConfig::builder()
        .instance_role(kind)
        .set_instance_type(machines.types.first().cloned())
        .instance_count(count(machines.count))
        .market(if spot {
            MarketType::Spot
        } else {
            MarketType::OnDemand
        })
        .set_ebs_configuration(machines.volume_gib.map(volume))
        .build()
}

fn fleet(role: Role, machines: &InstanceGroup) -> InstanceFleetConfig {
    let kind = match role {
        Role::Primary => InstanceFleetType::Master,
        Role::Core => InstanceFleetType::Core,
        Role::Task => InstanceFleetType::Task,
    };
    let spot = spot_count(machines);
    // Each machine counts one, so the target is the number of machines.
    let types = machines.types.iter().map(|name| {
        InstanceTypeConfig::builder()
            .instance_type(name)
            .weighted_capacity(1)
            .set_ebs_configuration(machines.volume_gib.map(volume))
            .build()
    });
    InstanceFleetConfig::builder()
        .instance_fleet_type(kind)
        .target_on_demand_capacity(count(machines.count - spot))
        .target_spot_capacity(count(spot))
        .set_instance_type_configs(Some(types.collect()))
        .set_launch_specifications((spot > 0).then(spot_search))
        .build()
}

/// How many machines are bought as Spot: the share, to the nearest whole machine.
fn spot_count(machines: &InstanceGroup) -> u32 {
    let percent = u64::from(machines.spot_percent.min(100));
    let spot = (u64::from(machines.count) * percent + 50) / 100;
    u32::try_from(spot)
        .unwrap_or(machines.count)
        .min(machines.count)
}

fn spot_search() -> InstanceFleetProvisioningSpecifications {
    let search = SpotProvisioningSpecification::builder()
        .timeout_duration_minutes(SPOT_WITHIN_MIN)
        .timeout_action(SpotProvisioningTimeoutAction::SwitchToOnDemand)
        .allocation_strategy(SpotProvisioningAllocationStrategy::PriceCapacityOptimized);
    InstanceFleetProvisioningSpecifications::builder()
        .spot_specification(search.build())
        .build()
}

fn volume(gib: u32) -> EbsConfiguration {
    let size = VolumeSpecification::builder()
        .volume_type(VOLUME_TYPE)
        .size_in_gb(count(gib));
    let device = EbsBlockDeviceConfig::builder()
        .volume_specification(size.build())
        .volumes_per_instance(1);
    EbsConfiguration::builder()
        .ebs_block_device_configs(device.build())
        .build()
}

fn scaling_policy(bounds: ManagedScaling, fleets: bool) -> ManagedScalingPolicy {
    let unit = if fleets {
        ComputeLimitsUnitType::InstanceFleetUnits
    } else {
        ComputeLimitsUnitType::Instances
    };
    let limits = ComputeLimits::builder()
        .unit_type(unit)
        .minimum_capacity_units(count(bounds.minimum))
        .maximum_capacity_units(count(bounds.maximum));
    ManagedScalingPolicy::builder()
        .compute_limits(limits.build())
        .build()
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

/// Reads a configuration: `Classification`, `Properties`, and `Configurations` within.
fn configuration(value: &Value) -> Result<Configuration, String> {
    let refuse = |what: &str| format!("the configuration {value} {what}");
    let entries = value.as_object().ok_or_else(|| refuse("is no mapping"))?;
    let mut read = Configuration::builder();
    for (name, value) in entries {
        match (name.as_str(), value) {
            ("Classification", Value::String(name)) => read = read.classification(name),
            ("Properties", Value::Object(properties)) => {
                for (name, value) in properties {
                    let value = property(value).ok_or_else(|| {
                        refuse(&format!("has the property `{name}`, which is no text"))
                    })?;
                    read = read.properties(name, value);
                }
            }
            ("Configurations", Value::Array(inner)) => {
                for one in inner {
                    read = read.configurations(configuration(one)?);
                }
            }
            (name, _) => return Err(refuse(&format!("has `{name}`, which EMR does not know so"))),
        }
    }
    Ok(read.build())
}

/// EMR takes texts only; what YAML reads as a number or truth is one, too.
fn property(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A count as EMR has it.
fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
