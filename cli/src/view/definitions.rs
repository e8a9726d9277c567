//! The registered definitions: what there is, and content by its hash.

use choreography::plan::Plan;
use model::definition::{Cluster, Workflow};
use model::id::DefinitionHash;
use model::key::Key;
use model::name::{ClusterRef, WorkflowRef};
use model::registry::{Catalogue, CurrentCluster, CurrentWorkflow, DefinitionPart, Deployment};
use ports::{StateStore, TypedStore as _};
use serde::de::DeserializeOwned;

use crate::exit::Failure;

/// What every team has.
pub async fn catalogues(store: &impl StateStore) -> Result<Vec<Catalogue>, Failure> {
    let Some(deployment) = store.get::<Deployment>(&Key::Deployment).await? else {
        return Ok(Vec::new());
    };
    let mut catalogues = Vec::new();
    for team in deployment.value.teams {
        if let Some(catalogue) = store.get::<Catalogue>(&Key::Catalogue(team)).await? {
            catalogues.push(catalogue.value);
        }
    }
    Ok(catalogues)
}

/// Every registered workflow.
pub async fn workflows(store: &impl StateStore) -> Result<Vec<WorkflowRef>, Failure> {
    let catalogues = catalogues(store).await?;
    let of = |catalogue: Catalogue| {
        let team = catalogue.team;
        catalogue
            .workflows
            .into_keys()
            .map(move |name| WorkflowRef::new(team.clone(), name))
    };
    Ok(catalogues.into_iter().flat_map(of).collect())
}

/// Every registered cluster.
pub async fn clusters(store: &impl StateStore) -> Result<Vec<ClusterRef>, Failure> {
    let catalogues = catalogues(store).await?;
    let of = |catalogue: Catalogue| {
        let team = catalogue.team;
        catalogue
            .clusters
            .into_keys()
            .map(move |name| ClusterRef::new(team.clone(), name))
    };
    Ok(catalogues.into_iter().flat_map(of).collect())
}

/// The definition new runs of a workflow take, with its pointer.
pub async fn current_workflow(
    store: &impl StateStore,
    workflow: &WorkflowRef,
) -> Result<Option<(CurrentWorkflow, Workflow)>, Failure> {
    let key = Key::CurrentWorkflow(workflow.clone());
    let Some(current) = store.get::<CurrentWorkflow>(&key).await? else {
        return Ok(None);
    };
    let definition = content(store, &current.value.definition).await?;
    Ok(definition.map(|definition| (current.value, definition)))
}

/// The definition new instances of a cluster take.
pub async fn current_cluster(
    store: &impl StateStore,
    cluster: &ClusterRef,
) -> Result<Option<Cluster>, Failure> {
    let key = Key::CurrentCluster(cluster.clone());
    match store.get::<CurrentCluster>(&key).await? {
        Some(current) => content(store, &current.value.definition).await,
        None => Ok(None),
    }
}

/// The definition an instance pins.
pub async fn pinned_cluster(
    store: &impl StateStore,
    hash: &DefinitionHash,
) -> Result<Option<Cluster>, Failure> {
    content(store, hash).await
}

/// The plan of a pinned workflow.
pub async fn plan(store: &impl StateStore, hash: &DefinitionHash) -> Result<Option<Plan>, Failure> {
    let Some(workflow) = content::<Workflow>(store, hash).await? else {
        return Ok(None);
    };
    let plan = Plan::of(workflow).map_err(|error| {
        Failure::trouble(format!("definition {hash} has no plan")).because(error)
    })?;
    Ok(Some(plan))
}

/// Content by its hash; `None` when it is not (wholly) stored.
async fn content<T: DeserializeOwned>(
    store: &impl StateStore,
    hash: &DefinitionHash,
) -> Result<Option<T>, Failure> {
    let parts = store
        .list::<DefinitionPart>(&Key::definition_partition(hash), "part#")
        .await?;
    let whole = parts
        .first()
        .is_some_and(|first| parts.len() == first.value.parts as usize);
    if !whole {
        return Ok(None);
    }
    let text: String = parts.into_iter().map(|part| part.value.content).collect();
    let read = serde_json::from_str(&text);
    read.map(Some).map_err(|error| {
        Failure::trouble(format!("definition {hash} cannot be read")).because(error)
    })
}
