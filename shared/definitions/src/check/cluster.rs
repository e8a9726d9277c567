//! Clusters: windows, machines, what EMR asks for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::name::ClusterRef;
use model::units::Seconds;

use super::load::Set;
use super::window::Schedules;
use super::{schedule, window};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::lower;
use crate::read::{ShortOr, Text};
use crate::source::At;
use crate::written::{Cluster, InstanceGroup, Instances, ScalingBounds};

/// How long work can last on each cluster: its longest window and the drain. Clusters whose windows
/// are not known are left out.
pub(super) type Windows = BTreeMap<ClusterRef, Seconds>;

/// Checks all clusters.
pub(super) fn check(set: &Set, now: Timestamp, findings: &mut Findings<'_>) -> Windows {
    let mut windows = Windows::new();
    for (name, loaded) in &set.clusters {
        let Some(cluster) = &loaded.written else {
            continue;
        };
        if let Some(longest) = check_windows(cluster, now, findings) {
            let Seconds(drain) = lower::drain(cluster);
            windows.insert(name.clone(), Seconds(longest.0.saturating_add(drain)));
        }
        check_emr(cluster, findings);
        if let Some(instances) = cluster.instances.get() {
            check_instances(instances, findings);
        }
    }
    windows
}

fn check_windows(
    cluster: &Cluster,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Option<Seconds> {
    let mut parse = |expression: Option<&At<Text>>, timezone: Option<&At<Text>>| {
        schedule::parse(expression?, timezone, now, findings)
    };
    let (begin, end) = (cluster.provision.get(), cluster.terminate.get());
    let begin_at = begin.and_then(|begin| begin.expression.get());
    let end_at = end.and_then(|end| end.expression.get());
    let provision = parse(begin_at, begin.and_then(|begin| begin.timezone.as_ref()));
    let terminate = parse(end_at, end.and_then(|end| end.timezone.as_ref()));
    let mut rates = false;
    for expression in [begin_at, end_at].into_iter().flatten() {
        if expression.value.0.starts_with("rate(") {
            rates = true;
            findings
                .error(
                    Code::RateWindow,
                    expression.at,
                    "a rate begins whenever it is deployed",
                )
                .help("a window needs instants: write `cron(…)` or `at(…)`");
        }
    }
    let (provision, terminate) = (provision?, terminate?);
    if rates {
        return None;
    }
    let schedules = Schedules {
        provision: &provision,
        provision_at: begin_at?.at,
        terminate: &terminate,
        terminate_at: end_at?.at,
    };
    window::check(&schedules, now, findings)
}

fn check_emr(cluster: &Cluster, findings: &mut Findings<'_>) {
    if let Some(release) = cluster.release.get()
        && !is_release(&release.value.0)
    {
        let message = format!("`{}` is not an EMR release", release.value.0);
        findings
            .error(Code::BadValue, release.at, message)
            .help("write e.g. `emr-7.9.0`");
    }
    if let Some(uri) = &cluster.log_uri
        && !uri.value.0.starts_with("s3://")
    {
        findings
            .error(Code::BadValue, uri.at, "logs are kept in S3")
            .help("write e.g. `s3://bucket/logs/`");
    }
    if let Some(idle) = &cluster.auto_termination {
        let Seconds(seconds) = idle.value.0;
        if !(60..=604_800).contains(&seconds) {
            findings
                .error(
                    Code::OutOfRange,
                    idle.at,
                    "EMR does not take this idle time",
                )
                .help("write one minute to seven days, `1m` to `7d`");
        }
    }
    for configuration in cluster.configurations.iter().flatten() {
        if !configuration.value.value.is_object() {
            findings
                .error(
                    Code::WrongKind,
                    configuration.at,
                    "a configuration must be a mapping",
                )
                .help("write `Classification:` and `Properties:`");
        }
    }
}

fn is_release(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix("emr-")
        .is_some_and(|version| version.split('.').count() == 3 && version.split('.').all(number))
}

fn check_instances(instances: &Instances, findings: &mut Findings<'_>) {
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
    if let Some(ShortOr::Long(primary)) = instances.primary.get()
        && let Some(count) = &primary.value.count
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
    if let Some(At {
        value: ScalingBounds { minimum, maximum },
        at,
    }) = &instances.managed_scaling
        && let Some((minimum, maximum)) = minimum.get().zip(maximum.get())
        && minimum.0 > maximum.0
    {
        findings
            .error(Code::OutOfRange, *at, "`minimum` is above `maximum`")
            .help("swap the two");
    }
}

fn check_group(group: &At<InstanceGroup>, findings: &mut Findings<'_>) {
    match (&group.value.r#type, &group.value.types) {
        (Some(_), None) => {}
        (None, Some(types)) if types.value.is_empty() => {
            findings
                .error(Code::OutOfRange, types.at, "there is no type in this list")
                .help("name at least one, such as `m7g.xlarge`");
        }
        (None, Some(_)) => {}
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

/// The tags of a cluster.
pub(super) fn tags(cluster: &Cluster) -> BTreeMap<&str, &str> {
    let tags = cluster.tags.iter().flat_map(|tags| tags.values());
    tags.map(|(key, value)| (key.value.as_str(), value.0.as_str()))
        .collect()
}

/// Whether a cluster has all these tags.
pub(super) fn has_tags(cluster: &Cluster, wanted: &BTreeMap<&str, &str>) -> bool {
    let own = tags(cluster);
    wanted
        .iter()
        .all(|(key, value)| own.get(key) == Some(value))
}
