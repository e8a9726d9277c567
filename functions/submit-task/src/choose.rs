//! Choosing an instance: by name or by tags, the one with the least open work (rule 14).

use choreography::selection::{self, Candidate};
use model::cluster::Instance;
use model::definition::ClusterChoice;
use model::key::Key;
use model::name::{ClusterRef, TeamName};
use model::registry::Catalogue;
use ports::{Clock as _, Ports, Trouble, TypedStore as _};

use crate::view::Views;

/// Chooses the instance, with the reason in words.
pub(crate) async fn instance<P: Ports>(
    ports: &P,
    views: &mut Views,
    team: &TeamName,
    choice: &ClusterChoice,
) -> Result<Option<(Instance, String)>, Trouble> {
    let now = ports.clock().now();
    let mut found: Vec<Instance> = Vec::new();
    for cluster in clusters(ports, team, choice).await? {
        let instances = views.instances(ports, &cluster, now).await?;
        let ready = instances.iter();
        found.extend(ready.filter(|one| selection::takes_work(one, now)).cloned());
    }
    let mut open = vec![0; found.len()];
    if found.len() > 1 {
        for (instance, open) in found.iter().zip(&mut open) {
            *open = views.open(ports, instance).await?;
        }
    }
    let candidates: Vec<Candidate<'_>> = found
        .iter()
        .zip(open)
        .map(|(instance, open)| Candidate { instance, open })
        .collect();
    let chosen = selection::choose(&candidates, now);
    let chosen = chosen.map(|chosen| (found.swap_remove(chosen.position), chosen.reason));
    if let Some((instance, _)) = &chosen {
        views.one_more(instance);
    }
    Ok(chosen)
}

/// The clusters a choice may mean.
pub(crate) async fn clusters<P: Ports>(
    ports: &P,
    team: &TeamName,
    choice: &ClusterChoice,
) -> Result<Vec<ClusterRef>, Trouble> {
    match choice {
        ClusterChoice::Named(cluster) => Ok(vec![cluster.clone()]),
        ClusterChoice::Tagged(wanted) => {
            let key = Key::Catalogue(team.clone());
            let Some(catalogue) = ports.store().get::<Catalogue>(&key).await? else {
                return Ok(Vec::new());
            };
            let matching = catalogue.value.clusters.into_iter().filter(|(_, tags)| {
                wanted
                    .iter()
                    .all(|(key, value)| tags.get(key) == Some(value))
            });
            Ok(matching
                .map(|(name, _)| ClusterRef::new(team.clone(), name))
                .collect())
        }
    }
}
