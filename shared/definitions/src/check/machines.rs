//! The machines of a cluster: what EMR takes as groups and as fleets.

use std::collections::BTreeSet;

use model::definition::{SpotSearch, VolumeKind};

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::lower;
use crate::read::{OneOrMany, ShortOr, Text};
use crate::source::At;
use crate::written::{InstanceGroup, Instances, ScalingBounds, Spot, Volume};

/// The most instance types of a fleet.
const TYPES: usize = 30;
/// How long EMR looks for Spot machines: 5 minutes to a day.
const SPOT_WITHIN: std::ops::RangeInclusive<u64> = 300..=86_400;

/// Checks machines and the subnets they may be in.
pub(super) fn check(
    instances: &Instances,
    subnets: Option<&At<OneOrMany<Text>>>,
    findings: &mut Findings<'_>,
) {
    let groups = [
        instances.primary.get(),
        instances.core.as_ref(),
        instances.task.as_ref(),
    ];
    for group in groups.into_iter().flatten() {
        if let ShortOr::Long(group) = group {
            check_group(group, findings);
        }
    }
    if let Some(ShortOr::Long(primary)) = instances.primary.get() {
        check_primary(&primary.value, findings);
    }
    if let (Some(task), None) = (&instances.task, &instances.core) {
        let at = match task {
            ShortOr::Short(only) => only.at,
            ShortOr::Long(group) => group.at,
        };
        findings
            .error(
                Code::MissingKey,
                at,
                "task nodes need core nodes beside them",
            )
            .help("add `core:`");
    }
    if let Some(bounds) = &instances.managed_scaling {
        check_bounds(bounds, findings);
    }
    check_subnets(instances, subnets, findings);
}

fn check_primary(primary: &InstanceGroup, findings: &mut Findings<'_>) {
    if let Some(count) = &primary.count
        && !matches!(count.value.0, 1 | 3)
    {
        findings
            .error(
                Code::OutOfRange,
                count.at,
                "a cluster has one primary node, or three",
            )
            .help("write 1 or 3");
    }
    for machine in primary.types.iter().flat_map(|types| &types.value) {
        if let ShortOr::Long(weighted) = machine {
            findings
                .error(
                    Code::ConflictingKeys,
                    weighted.at,
                    "a primary node has no weight",
                )
                .help("name the type alone");
        }
    }
}

fn check_bounds(bounds: &At<ScalingBounds>, findings: &mut Findings<'_>) {
    let ScalingBounds {
        minimum,
        maximum,
        maximum_on_demand,
        maximum_core,
    } = &bounds.value;
    let Some(maximum) = maximum.get() else { return };
    if minimum.get().is_some_and(|minimum| minimum.0 > maximum.0) {
        findings
            .error(Code::OutOfRange, bounds.at, "`minimum` is above `maximum`")
            .help("swap the two");
    }
    let core: Option<i64> = maximum_core.map(|most| most.0);
    let on_demand: Option<i64> = maximum_on_demand.map(|most| most.0);
    for (key, most) in [("maximum_on_demand", on_demand), ("maximum_core", core)] {
        if most.is_some_and(|most| most > maximum.0) {
            let message = format!("`{key}` is above `maximum`");
            findings
                .error(Code::OutOfRange, bounds.at, message)
                .help(format!("write at most {}, or leave it out", maximum.0));
        }
    }
}

/// EMR chooses among subnets only for fleets.
fn check_subnets(
    instances: &Instances,
    subnets: Option<&At<OneOrMany<Text>>>,
    findings: &mut Findings<'_>,
) {
    let Some(subnets) = subnets.filter(|subnets| subnets.value.0.len() != 1) else {
        return;
    };
    if subnets.value.0.is_empty() {
        findings
            .error(
                Code::OutOfRange,
                subnets.at,
                "there is no subnet in this list",
            )
            .help("name at least one, or leave the key out");
        return;
    }
    let lowered = lower::instances(instances);
    if lowered.is_some_and(|instances| !instances.are_fleets()) {
        findings
            .error(
                Code::ConflictingKeys,
                subnets.at,
                "several subnets need instance fleets, and these are groups",
            )
            .help("name one, or give some role several `types`");
    }
}

fn check_group(group: &At<InstanceGroup>, findings: &mut Findings<'_>) {
    check_types(group, findings);
    if let (Some(_), Some(volume)) = (&group.value.volume_gib, &group.value.volume) {
        findings
            .error(
                Code::ConflictingKeys,
                volume.at,
                "both `volume_gib` and `volume` are given",
            )
            .help("put the size into `volume` as `gib`");
    }
    if let Some(volume) = &group.value.volume {
        check_volume(&volume.value, findings);
    }
    if let Some(spot) = &group.value.spot {
        check_spot(spot, findings);
    }
}

fn check_types(group: &At<InstanceGroup>, findings: &mut Findings<'_>) {
    match (&group.value.r#type, &group.value.types) {
        (Some(_), None) => {}
        (None, Some(types)) if types.value.is_empty() => {
            findings
                .error(Code::OutOfRange, types.at, "there is no type in this list")
                .help("name at least one, such as `m7g.xlarge`");
        }
        (None, Some(types)) => {
            let names = types.value.iter().filter_map(lower::type_name);
            let different: BTreeSet<&str> = names.clone().collect();
            if different.len() < names.count() {
                findings
                    .error(Code::BadValue, types.at, "a type is named twice")
                    .help("name each once");
            }
            if types.value.len() > TYPES {
                let message = format!("{} types; a fleet takes {TYPES}", types.value.len());
                findings
                    .error(Code::OutOfRange, types.at, message)
                    .help("leave some out");
            }
        }
        (Some(_), Some(types)) => {
            findings
                .error(
                    Code::ConflictingKeys,
                    types.at,
                    "both `type` and `types` are given",
                )
                .help("put all of them into `types`");
        }
        (None, None) => {
            findings
                .error(
                    Code::MissingKey,
                    group.at,
                    "`type` or `types` is missing here",
                )
                .help("add e.g. `type: m7g.xlarge`");
        }
    }
}

fn check_spot(spot: &Spot, findings: &mut Findings<'_>) {
    let SpotSearch { within, .. } = lower::spot_search(spot);
    if let ShortOr::Long(long) = spot
        && let Some(written) = &long.within
        && !SPOT_WITHIN.contains(&within.0)
    {
        findings
            .error(
                Code::OutOfRange,
                written.at,
                format!("EMR does not look for Spot machines for {within}"),
            )
            .help("write `5m` to `24h`");
    }
}

/// EC2 takes operations a second of gp3 and io1, and a throughput of gp3.
fn check_volume(volume: &Volume, findings: &mut Findings<'_>) {
    let kind = volume.r#type.map_or(VolumeKind::default(), |kind| kind.0);
    let (takes_iops, takes_throughput) = match kind {
        VolumeKind::Gp3 => (true, true),
        VolumeKind::Io1 => (true, false),
        VolumeKind::Gp2 | VolumeKind::St1 | VolumeKind::Sc1 => (false, false),
    };
    let iops = volume.iops.as_ref().filter(|_| !takes_iops);
    let throughput = volume.throughput_mib.as_ref().filter(|_| !takes_throughput);
    let iops = iops.map(|iops| ("iops", iops.at));
    let throughput = throughput.map(|throughput| ("throughput_mib", throughput.at));
    for (key, at) in [iops, throughput].into_iter().flatten() {
        findings
            .error(
                Code::ConflictingKeys,
                at,
                format!("volumes of this type have no `{key}`"),
            )
            .help("leave it out, or write `type: gp3`");
    }
    if let (VolumeKind::Io1, None) = (kind, &volume.iops) {
        findings
            .error(
                Code::MissingKey,
                volume.gib.at,
                "volumes of type `io1` need `iops`",
            )
            .help("add `iops:`");
    }
}
