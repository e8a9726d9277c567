//! Limits that grew: work that waits is released, since nobody frees the places that are new.

use model::definition::Quota;
use model::limit::{LimitRef, QueueRef};
use model::name::PoolRef;
use model::registry::CurrentTeam;
use ports::{Ports, Trouble};
use protocols::limits;

/// How many waiters a limit that is gone releases; each of them lets the next go when it ends.
const WITHOUT_LIMIT: usize = 100;

/// A limit with how many waiters go.
pub(crate) type Grown = (LimitRef, usize);

/// The limits of tasks that have grown from one team's item to the next. Runs keep the size their
/// limits had when they were recorded.
pub(crate) fn between(before: &CurrentTeam, after: &CurrentTeam) -> Vec<Grown> {
    let pools = before.pools.iter().map(|(name, size)| {
        let pool = PoolRef::new(before.team.clone(), name.clone());
        (
            LimitRef::Pool(pool),
            growth(Some(*size), after.pools.get(name).copied()),
        )
    });
    let running = |quota: Quota| quota.running_tasks;
    let quota = growth(running(before.quota), running(after.quota));
    let all = pools.chain([(LimitRef::TeamTasks(before.team.clone()), quota)]);
    all.filter(|(_, count)| *count > 0).collect()
}

fn growth(before: Option<u32>, after: Option<u32>) -> usize {
    match (before, after) {
        (None, _) => 0,
        (Some(_), None) => WITHOUT_LIMIT,
        (Some(before), Some(after)) => after.saturating_sub(before) as usize,
    }
}

/// Lets them go. After a crash reconcile does, a little later.
pub(crate) async fn release<P: Ports>(ports: &P, grown: Vec<Grown>) -> Result<(), Trouble> {
    for (limit, count) in grown {
        limits::release(ports, &QueueRef::Limit(limit), count).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_limit_that_grew_lets_as_many_go() {
        let team = |pools: serde_json::Value, tasks: Option<u32>| -> CurrentTeam {
            let quota = json!({"running_tasks": tasks});
            let team = json!({"team": "team", "pools": pools, "quota": quota});
            serde_json::from_value(team).unwrap()
        };
        let (none, some) = (json!({}), json!({"light": 2}));
        let table = [
            (
                team(some.clone(), None),
                team(json!({"light": 5}), None),
                "pool/team/light 3",
            ),
            (
                team(some.clone(), None),
                team(json!({"light": 1}), None),
                "",
            ),
            (
                team(some.clone(), Some(4)),
                team(none.clone(), Some(4)),
                "pool/team/light 100",
            ),
            (team(none.clone(), None), team(some, None), ""),
            (
                team(none.clone(), Some(4)),
                team(none.clone(), Some(6)),
                "team-tasks/team 2",
            ),
            (
                team(none.clone(), Some(4)),
                team(none, None),
                "team-tasks/team 100",
            ),
        ];
        for (before, after, expected) in table {
            let grown = between(&before, &after);
            let words: Vec<String> = grown
                .iter()
                .map(|(limit, count)| format!("{limit} {count}"))
                .collect();
            assert_eq!(words.join(", "), expected, "{before:?}");
        }
    }
}
