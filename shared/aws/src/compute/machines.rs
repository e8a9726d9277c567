//! The machines of a cluster as a RunJobFlow request has them. Pure.
//!
//! EMR has machines of a role as a group (one type, all on demand or all Spot) or as a fleet
//! (several types, a share of Spot), and takes only one kind per cluster.

use aws_sdk_emr::types::{
    ComputeLimits, ComputeLimitsUnitType, EbsBlockDeviceConfig, EbsConfiguration,
    InstanceFleetConfig, InstanceFleetProvisioningSpecifications, InstanceFleetType,
    InstanceGroupConfig, InstanceRoleType, InstanceTypeConfig, JobFlowInstancesConfig,
    ManagedScalingPolicy, MarketType, SpotProvisioningAllocationStrategy,
    SpotProvisioningSpecification, SpotProvisioningTimeoutAction, VolumeSpecification,
};
use model::definition::{
    EmrSpec, InstanceGroup, ManagedScaling, SecurityGroups, SpotAllocation, SpotOtherwise,
    SpotSearch, Volume, VolumeKind,
};

use super::job_flow::{EmrSettings, count};

/// The machines, where they are and who reaches them.
pub fn of(emr: &EmrSpec, settings: &EmrSettings) -> JobFlowInstancesConfig {
    let machines = &emr.instances;
    let groups = emr.security_groups.clone().unwrap_or_default();
    let SecurityGroups {
        primary,
        core,
        service,
        additional_primary,
        additional_core,
    } = groups;
    let some = |groups: Vec<String>| (!groups.is_empty()).then_some(groups);
    let config = JobFlowInstancesConfig::builder()
        .keep_job_flow_alive_when_no_steps(true)
        .termination_protected(false)
        .set_ec2_key_name(emr.key_pair.clone())
        .set_emr_managed_master_security_group(primary)
        .set_emr_managed_slave_security_group(core)
        .set_service_access_security_group(service)
        .set_additional_master_security_groups(some(additional_primary))
        .set_additional_slave_security_groups(some(additional_core));
    let mut subnets = emr.subnets.clone();
    if subnets.is_empty() {
        subnets.extend(settings.subnet.clone());
    }
    let roles = [
        (Role::Primary, Some(&machines.primary)),
        (Role::Core, machines.core.as_ref()),
        (Role::Task, machines.task.as_ref()),
    ];
    let roles = roles
        .into_iter()
        .filter_map(|(role, group)| Some((role, group?)));
    if machines.are_fleets() {
        let fleets = roles
            .map(|(role, machines)| fleet(role, machines))
            .collect();
        config
            .set_instance_fleets(Some(fleets))
            .set_ec2_subnet_ids(some(subnets))
    } else {
        let groups = roles
            .map(|(role, machines)| group(role, machines))
            .collect();
        config
            .set_instance_groups(Some(groups))
            .set_ec2_subnet_id(subnets.into_iter().next())
    }
    .build()
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
        .set_ebs_configuration(machines.volume.as_ref().map(volumes))
        .build()
}

fn fleet(role: Role, machines: &InstanceGroup) -> InstanceFleetConfig {
    let kind = match role {
        Role::Primary => InstanceFleetType::Master,
        Role::Core => InstanceFleetType::Core,
        Role::Task => InstanceFleetType::Task,
    };
    let spot = spot_units(machines);
    // Without weights each machine counts one, so the target is the number of machines.
    let types = machines.types.iter().zip(0_u32..).map(|(name, number)| {
        let weight = machines.weights.get(name).copied().unwrap_or(1);
        let machine = InstanceTypeConfig::builder()
            .instance_type(name)
            .weighted_capacity(count(weight))
            .set_ebs_configuration(machines.volume.as_ref().map(volumes));
        if is_prioritized(machines) {
            machine.priority(f64::from(number))
        } else {
            machine
        }
        .build()
    });
    InstanceFleetConfig::builder()
        .instance_fleet_type(kind)
        .target_on_demand_capacity(count(machines.count - spot))
        .target_spot_capacity(count(spot))
        .set_instance_type_configs(Some(types.collect()))
        .set_launch_specifications((spot > 0).then(|| search(machines)))
        .build()
}

/// How many units are bought as Spot: the share, to the nearest whole one.
fn spot_units(machines: &InstanceGroup) -> u32 {
    let percent = u64::from(machines.spot_percent.min(100));
    let spot = (u64::from(machines.count) * percent + 50) / 100;
    u32::try_from(spot)
        .unwrap_or(machines.count)
        .min(machines.count)
}

fn is_prioritized(machines: &InstanceGroup) -> bool {
    let search = machines.spot_search.unwrap_or_default();
    search.allocation == SpotAllocation::CapacityOptimizedPrioritized
}

fn search(machines: &InstanceGroup) -> InstanceFleetProvisioningSpecifications {
    let SpotSearch {
        within,
        otherwise,
        allocation,
    } = machines.spot_search.unwrap_or_default();
    let otherwise = match otherwise {
        SpotOtherwise::OnDemand => SpotProvisioningTimeoutAction::SwitchToOnDemand,
        SpotOtherwise::Terminate => SpotProvisioningTimeoutAction::TerminateCluster,
    };
    let allocation = match allocation {
        SpotAllocation::PriceCapacityOptimized => {
            SpotProvisioningAllocationStrategy::PriceCapacityOptimized
        }
        SpotAllocation::CapacityOptimized => SpotProvisioningAllocationStrategy::CapacityOptimized,
        SpotAllocation::CapacityOptimizedPrioritized => {
            SpotProvisioningAllocationStrategy::CapacityOptimizedPrioritized
        }
        SpotAllocation::LowestPrice => SpotProvisioningAllocationStrategy::LowestPrice,
        SpotAllocation::Diversified => SpotProvisioningAllocationStrategy::Diversified,
    };
    let search = SpotProvisioningSpecification::builder()
        .timeout_duration_minutes(i32::try_from(within.0 / 60).unwrap_or(i32::MAX))
        .timeout_action(otherwise)
        .allocation_strategy(allocation);
    InstanceFleetProvisioningSpecifications::builder()
        .spot_specification(search.build())
        .build()
}

fn volumes(volume: &Volume) -> EbsConfiguration {
    let kind = match volume.kind {
        VolumeKind::Gp3 => "gp3",
        VolumeKind::Gp2 => "gp2",
        VolumeKind::Io1 => "io1",
        VolumeKind::St1 => "st1",
        VolumeKind::Sc1 => "sc1",
    };
    let size = VolumeSpecification::builder()
        .volume_type(kind)
        .size_in_gb(count(volume.gib))
        .set_iops(volume.iops.map(count))
        .set_throughput(volume.throughput_mib.map(count));
    let device = EbsBlockDeviceConfig::builder()
        .volume_specification(size.build())
        .volumes_per_instance(count(volume.count));
    EbsConfiguration::builder()
        .ebs_block_device_configs(device.build())
        .build()
}

/// The bounds between which EMR resizes.
pub fn scaling_policy(bounds: ManagedScaling, fleets: bool) -> ManagedScalingPolicy {
    let unit = if fleets {
        ComputeLimitsUnitType::InstanceFleetUnits
    } else {
        ComputeLimitsUnitType::Instances
    };
    let limits = ComputeLimits::builder()
        .unit_type(unit)
        .minimum_capacity_units(count(bounds.minimum))
        .maximum_capacity_units(count(bounds.maximum))
        .set_maximum_on_demand_capacity_units(bounds.maximum_on_demand.map(count))
        .set_maximum_core_capacity_units(bounds.maximum_core.map(count));
    ManagedScalingPolicy::builder()
        .compute_limits(limits.build())
        .build()
}
