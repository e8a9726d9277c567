//! The plan and the scopes a run goes by.

use std::sync::Arc;

use choreography::plan::{Plan, PlanError};
use choreography::scope::Scopes;
use model::id::DefinitionHash;
use model::key::Key;
use model::run::{Generation, Run};
use ports::{Ports, Trouble, TypedStore as _};

use crate::content;

/// Loads a definition's plan; it follows from the content, so it is kept with it.
pub async fn plan(ports: &impl Ports, hash: &DefinitionHash) -> Result<Arc<Plan>, Trouble> {
    content::cached(ports, hash, |text| {
        let workflow = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Plan::of(workflow).map_err(|error: PlanError| error.to_string())
    })
    .await
}

/// Loads the effective generations of a run's tasks; costs nothing before the first rerun.
pub async fn scopes(ports: &impl Ports, run: &Run) -> Result<Scopes, Trouble> {
    if run.generation == 1 {
        return Ok(Scopes::of(run, &[]));
    }
    let generations = generations(ports, run).await?;
    Ok(Scopes::of(run, &generations))
}

/// Loads a run's reruns, oldest first.
pub async fn generations(ports: &impl Ports, run: &Run) -> Result<Vec<Generation>, Trouble> {
    let partition = Key::run_partition(&run.run);
    let stored = ports
        .store()
        .list::<Generation>(&partition, "generation#")
        .await?;
    Ok(Generation::joined(
        stored.into_iter().map(|part| part.value),
    ))
}
