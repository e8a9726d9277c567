//! Places of open steps, taken by the whole batch at once: one item for those that are submitted
//! together.

use std::collections::BTreeMap;

use model::limit::SizedLimit;
use ports::{Clock as _, Ports, Trouble, Verdict};
use protocols::lots::{self, Newcomer};
use protocols::registry;

use crate::claimed::Claimed;
use crate::park::{self, Wait};

/// Seats every claim that is for an instance; those without a place are parked and get their
/// verdict, but for claims that were taken over: what their former submitter may have submitted
/// counts, place or not.
pub(crate) async fn take<P: Ports>(
    ports: &P,
    claims: Vec<(usize, Claimed)>,
    verdicts: &mut [Verdict],
) -> Vec<(usize, Claimed)> {
    let mut kept = Vec::with_capacity(claims.len());
    let mut by_limit: BTreeMap<SizedLimit, Vec<(usize, Claimed)>> = BTreeMap::new();
    for (position, claimed) in claims {
        match claimed.steps.clone() {
            Some(steps) => by_limit.entry(steps).or_default().push((position, claimed)),
            None => kept.push((position, claimed)),
        }
    }
    for (steps, claims) in by_limit {
        let newcomers: Vec<Newcomer> = claims
            .iter()
            .map(|(_, claimed)| newcomer(claimed))
            .collect();
        let seats = match lots::take(ports, &steps, &newcomers, ports.clock().now()).await {
            Ok(seats) => seats,
            Err(trouble) => {
                let verdict = Verdict::from(Err(trouble));
                for (position, _) in claims {
                    verdicts[position] = verdict.clone();
                }
                continue;
            }
        };
        for ((position, mut claimed), seat) in claims.into_iter().zip(seats) {
            claimed.seated &= seat.is_some();
            claimed.seat = seat;
            if claimed.seat.is_some() || claimed.look_up {
                kept.push((position, claimed));
            } else {
                verdicts[position] = Verdict::from(park(ports, claimed).await);
            }
        }
    }
    kept.sort_by_key(|(position, _)| *position);
    kept
}

fn newcomer(claimed: &Claimed) -> Newcomer {
    Newcomer {
        key: claimed.submission.key.clone(),
        epoch: claimed.task.value.epoch,
        timeout_at: claimed.timeout_at,
    }
}

/// The instance is full: the claim is given up, and the attempt waits for its cluster.
async fn park<P: Ports>(ports: &P, claimed: Claimed) -> Result<(), Trouble> {
    registry::give_back(ports, &claimed.places, None, None).await?;
    let position = claimed.view.plan.position(&claimed.ready.task);
    let kind = position.map(|position| &claimed.view.plan.written(position).kind);
    let choice = kind
        .and_then(|kind| kind.cluster())
        .expect("only what names a cluster takes a place of an instance");
    let wait = Wait::Instance(choice.clone());
    let item = (claimed.task.value, Some(claimed.task.version));
    park::park(
        ports,
        &claimed.view,
        &claimed.ready,
        item,
        wait,
        &claimed.wanted,
    )
    .await?;
    Ok(())
}
