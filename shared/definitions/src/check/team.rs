//! Teams: alert routes, roles, and that every folder has its `team.yaml`.

use std::collections::BTreeMap;

use model::definition::AlertChannel;
use model::name::{Name, TeamName};

use super::configuration::check_secret;
use super::load::Set;
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::written::{Alert, Team};

/// Checks all teams.
pub(super) fn check(set: &Set, findings: &mut Findings<'_>) {
    check_missing(set, findings);
    for team in set.teams.values().filter_map(|team| team.written.as_ref()) {
        check_team(team, findings);
    }
}

fn check_missing(set: &Set, findings: &mut Findings<'_>) {
    let clusters = set
        .clusters
        .iter()
        .map(|(name, loaded)| (&name.team, loaded.whole()));
    let workflows = set
        .workflows
        .iter()
        .map(|(name, loaded)| (&name.team, loaded.whole()));
    let mut first: BTreeMap<&TeamName, Span> = BTreeMap::new();
    for (team, at) in clusters.chain(workflows) {
        if !set.teams.contains_key(team) {
            first.entry(team).or_insert(at);
        }
    }
    for (team, at) in first {
        findings
            .error(Code::UnknownTeam, at, format!("there is no team `{team}`"))
            .help(format!(
                "create {team}/team.yaml; `description: …` is enough"
            ));
    }
}

fn check_team(team: &Team, findings: &mut Findings<'_>) {
    for (name, _) in team.pools.iter().flat_map(|pools| &pools.entries) {
        if let Err(error) = Name::new(&name.value) {
            findings.error(Code::BadName, name.at, error.to_string());
        }
    }
    if let Some(role) = &team.execution_role
        && !(role.value.0.starts_with("arn:") && role.value.0.contains(":role/"))
    {
        findings
            .error(Code::BadValue, role.at, "this is not the ARN of a role")
            .help("write e.g. `arn:aws:iam::123456789012:role/weather`");
    }
    for alert in team.alerts.iter().flatten() {
        check_alert(alert, findings);
    }
}

fn check_alert(alert: &Alert, findings: &mut Findings<'_>) {
    let Some((channel, to)) = alert.channel.get().zip(alert.to.get()) else {
        return;
    };
    let (right, needs_secret) = match channel.value.0 {
        AlertChannel::Slack | AlertChannel::Pagerduty => (None, true),
        AlertChannel::Webhook => {
            let fits = to.value.0.starts_with("https://");
            ((!fits).then_some("an address with `https://`"), false)
        }
        AlertChannel::Email => {
            let fits = to.value.0.contains('@');
            ((!fits).then_some("an e-mail address"), false)
        }
    };
    if let Some(right) = right {
        findings
            .error(
                Code::BadValue,
                to.at,
                format!("`{}` is not where this goes", to.value.0),
            )
            .help(format!("write {right}"));
    }
    if let Some(secret) = &alert.secret {
        check_secret(secret, findings);
    }
    if needs_secret && alert.secret.is_none() {
        findings
            .error(
                Code::MissingKey,
                channel.at,
                "this channel needs a `secret`",
            )
            .help("add `secret:` with the name of the secret that holds the credential");
    }
}
