//! Teams.

use std::collections::BTreeMap;

use model::definition::{AlertRoute, Quota, Team as Lowered};
use model::name::{Name, TeamName};

use super::text;
use crate::written::{Alert, Team};

/// Converts a team.
pub(super) fn lower(name: &TeamName, team: &Team) -> Option<Lowered> {
    let mut pools = BTreeMap::new();
    for (pool, places) in team.pools.iter().flat_map(|pools| pools.values()) {
        pools.insert(Name::new(&pool.value).ok()?, places.value.fit()?);
    }
    let quota = team.quota.as_ref();
    let definitions = team.job_definitions.as_ref();
    Some(Lowered {
        name: name.clone(),
        description: text(team.description.as_ref()),
        quota: Quota {
            running_tasks: quota.and_then(|quota| quota.running_tasks?.fit()),
            active_runs: quota.and_then(|quota| quota.active_runs?.fit()),
        },
        pools,
        execution_role: text(team.execution_role.as_ref().map(|role| &role.value)),
        job_definitions: definitions.map(|all| {
            all.iter()
                .map(|definition| definition.value.0.clone())
                .collect()
        }),
        alerts: team
            .alerts
            .iter()
            .flatten()
            .map(route)
            .collect::<Option<_>>()?,
        log_lines: team.log_lines.is_none_or(|wanted| wanted.0),
    })
}

fn route(alert: &Alert) -> Option<AlertRoute> {
    Some(AlertRoute {
        channel: alert.channel.get()?.value.0,
        to: alert.to.get()?.value.0.clone(),
        secret: text(alert.secret.as_ref().map(|secret| &secret.value)),
        facts: alert
            .facts
            .iter()
            .flatten()
            .map(|fact| fact.0.clone())
            .collect(),
        severity: alert
            .severity
            .map_or_else(Default::default, |severity| severity.0),
    })
}
