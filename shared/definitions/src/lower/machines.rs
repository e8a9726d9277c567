//! The machines of a cluster.

use model::definition::{
    InstanceGroup as LoweredGroup, Instances as LoweredInstances, ManagedScaling, SpotSearch,
    Volume as LoweredVolume,
};

use crate::read::ShortOr;
use crate::source::At;
use crate::written::{Group, InstanceGroup, Instances, MachineType, ScalingBounds, Spot};

/// Converts the machines.
pub(crate) fn instances(instances: &Instances) -> Option<LoweredInstances> {
    let optional = |written: &Option<Group>| match written {
        None => Some(None),
        Some(written) => group(written).map(Some),
    };
    let scaling = instances.managed_scaling.as_ref();
    let scaling = scaling.map(|bounds| scaling_bounds(&bounds.value));
    Some(LoweredInstances {
        primary: group(instances.primary.get()?)?,
        core: optional(&instances.core)?,
        task: optional(&instances.task)?,
        managed_scaling: match scaling {
            None => None,
            Some(bounds) => Some(bounds?),
        },
    })
}

fn scaling_bounds(bounds: &ScalingBounds) -> Option<ManagedScaling> {
    Some(ManagedScaling {
        minimum: bounds.minimum.get()?.fit()?,
        maximum: bounds.maximum.get()?.fit()?,
        maximum_on_demand: bounds.maximum_on_demand.and_then(|most| most.fit()),
        maximum_core: bounds.maximum_core.and_then(|most| most.fit()),
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
            let mut lowered = LoweredGroup {
                types: group
                    .r#type
                    .iter()
                    .map(|only| only.value.0.clone())
                    .collect(),
                count: group
                    .count
                    .as_ref()
                    .map_or(Some(1), |count| count.value.fit())?,
                volume: volume(group)?,
                ..LoweredGroup::default()
            };
            for machine in several {
                lowered.types.push(type_name(machine)?.to_owned());
                if let ShortOr::Long(weighted) = machine {
                    let weight = weighted.value.weight.get()?.fit()?;
                    let name = type_name(machine)?.to_owned();
                    lowered.weights.insert(name, weight);
                }
            }
            match &group.spot {
                None => {}
                Some(ShortOr::Short(share)) => lowered.spot_percent = share.0,
                Some(ShortOr::Long(long)) => {
                    lowered.spot_percent = long.share.get()?.0;
                    lowered.spot_search = group.spot.as_ref().map(spot_search);
                }
            }
            lowered
        }
    })
}

/// The name of an instance type.
pub(crate) fn type_name(machine: &MachineType) -> Option<&str> {
    let name = match machine {
        ShortOr::Short(name) => name,
        ShortOr::Long(weighted) => weighted.value.r#type.get()?,
    };
    Some(name.value.0.as_str())
}

/// How Spot machines are looked for.
pub(crate) fn spot_search(spot: &Spot) -> SpotSearch {
    let defaults = SpotSearch::default();
    match spot {
        ShortOr::Short(_) => defaults,
        ShortOr::Long(long) => SpotSearch {
            within: long
                .within
                .as_ref()
                .map_or(defaults.within, |within| within.value.0),
            otherwise: long.otherwise.map_or(defaults.otherwise, |word| word.0),
            allocation: long.allocation.map_or(defaults.allocation, |word| word.0),
        },
    }
}

fn volume(group: &InstanceGroup) -> Option<Option<LoweredVolume>> {
    let sized = |gib: u32| LoweredVolume {
        gib,
        kind: Default::default(),
        count: 1,
        iops: None,
        throughput_mib: None,
    };
    if let Some(gib) = group.volume_gib {
        return Some(Some(sized(gib.fit()?)));
    }
    let Some(At { value: volume, .. }) = &group.volume else {
        return Some(None);
    };
    Some(Some(LoweredVolume {
        kind: volume.r#type.map_or_else(Default::default, |kind| kind.0),
        count: volume.count.map_or(Some(1), |count| count.fit())?,
        iops: volume.iops.as_ref().and_then(|iops| iops.value.fit()),
        throughput_mib: volume
            .throughput_mib
            .as_ref()
            .and_then(|throughput| throughput.value.fit()),
        ..sized(volume.gib.get()?.fit()?)
    }))
}
