//! Clusters: windows, machines, what EMR asks for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::address;
use model::name::{ClusterRef, TeamName};
use model::units::Seconds;

use super::load::Set;
use super::window::Schedules;
use super::{configuration, machines, schedule, window};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::lower;
use crate::read::Text;
use crate::source::At;
use crate::written::{Cluster, SecurityGroups};

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
        if let Some(profile) = &cluster.instance_profile {
            check_profile(&name.team, profile, set, findings);
        }
        if let Some(instances) = cluster.instances.get() {
            machines::check(instances, cluster.subnet.as_ref(), findings);
        }
    }
    check_addresses(set, findings);
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
    if let Some(image) = &cluster.custom_ami
        && !image.value.0.starts_with("ami-")
    {
        let message = format!("`{}` is not the id of an image", image.value.0);
        findings
            .error(Code::BadValue, image.at, message)
            .help("write e.g. `ami-0123456789abcdef0`");
    }
    if let Some(groups) = &cluster.security_groups {
        check_security_groups(groups, findings);
    }
    for configuration in cluster.configurations.iter().flatten() {
        configuration::check(configuration, findings);
    }
}

fn is_release(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix("emr-")
        .is_some_and(|version| version.split('.').count() == 3 && version.split('.').all(number))
}

/// EMR takes own groups for all nodes or for none.
fn check_security_groups(groups: &At<SecurityGroups>, findings: &mut Findings<'_>) {
    let SecurityGroups {
        primary,
        core,
        service,
        additional_primary,
        additional_core,
    } = &groups.value;
    let pair = [("primary", primary), ("core", core)];
    let wanted = pair.iter().any(|(_, group)| group.is_some()) || service.is_some();
    for (key, group) in pair {
        if wanted && group.is_none() {
            findings
                .error(
                    Code::MissingKey,
                    groups.at,
                    format!("`{key}` is missing here"),
                )
                .help("EMR takes own groups for all nodes: name both `primary` and `core`");
        }
    }
    let additional = [additional_primary, additional_core];
    let additional = additional.into_iter().flatten().flatten();
    for group in [primary, core, service]
        .into_iter()
        .flatten()
        .chain(additional)
    {
        if !group.value.0.starts_with("sg-") {
            let message = format!("`{}` is not the id of a security group", group.value.0);
            findings
                .error(Code::BadValue, group.at, message)
                .help("write e.g. `sg-0123456789abcdef0`");
        }
    }
}

/// What machines may do in AWS is for the team's own file to allow.
fn check_profile(team: &TeamName, profile: &At<Text>, set: &Set, findings: &mut Findings<'_>) {
    let Some(written) = set.teams.get(team).and_then(|team| team.written.as_ref()) else {
        return;
    };
    let allowed = written.instance_profiles.iter().flatten();
    let allowed = allowed.map(|profile| profile.0.as_str());
    let name = profile.value.0.as_str();
    if !allowed.clone().any(|allowed| allowed == name) {
        let help = findings.suggestions.help(name, allowed);
        let message =
            format!("clusters of team `{team}` may not have the instance profile `{name}`");
        findings
            .error(Code::InstanceProfileNotAllowed, profile.at, message)
            .help(help.unwrap_or_else(|| "list it under `instance_profiles` in team.yaml".into()));
    }
}

/// Host names take no `_`, so a name with one and a name with a hyphen would lead to one cluster.
fn check_addresses(set: &Set, findings: &mut Findings<'_>) {
    let mut first = BTreeMap::new();
    for (name, loaded) in &set.clusters {
        if let Some(other) = first.insert(address::of(name), name) {
            let message = format!("`{name}` and `{other}` would have one address in DNS");
            findings
                .error(Code::DuplicateAddress, loaded.whole(), message)
                .help("rename one: host names take no `_`, so it counts as `-`");
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
