//! Runs that a run's success started, to be run again once it has succeeded again.

use choreography::slot::{self, SlotAt};
use model::id::RunId;
use model::key::Key;
use model::name::WorkflowRef;
use model::operation::{OperationKind, Pass, RerunDefinition, RerunScope};
use model::registry::CurrentWorkflow;
use model::run::{Cause, Generation, Run};
use ports::{Ports, Trouble, TypedStore as _};
use protocols::content;

use crate::record::Opened;
use crate::{Stop, derived, targets};

/// Asks for a rerun of each, and of what follows from them in turn. They wait for this generation.
pub(crate) async fn ask<P: Ports>(
    ports: &P,
    opened: &Opened,
    generation: &Generation,
    definition: RerunDefinition,
) -> Result<(), Stop> {
    let run = targets::run(ports, &generation.run).await?.value;
    let mut each = Vec::new();
    for (workflow, started) in started_by(ports, &run).await? {
        let what = OperationKind::Rerun {
            run: started.clone(),
            scope: RerunScope::All,
            definition,
            downstream: true,
            after: Some(Pass {
                run: run.run.clone(),
                generation: generation.generation,
            }),
            limits: Vec::new(),
        };
        each.push((workflow, started, what));
    }
    Ok(derived::ask(ports, opened, generation.at, each).await?)
}

/// The runs of workflows that wait for this one, for the slot its success stands for there.
async fn started_by<P: Ports>(ports: &P, run: &Run) -> Result<Vec<(WorkflowRef, RunId)>, Trouble> {
    let key = Key::CurrentWorkflow(run.workflow_ref());
    let Some(current) = ports.store().get::<CurrentWorkflow>(&key).await? else {
        return Ok(Vec::new());
    };
    let told = SlotAt {
        slot: run.slot.clone(),
        logical_date: run.logical_date,
    };
    let mut started = Vec::new();
    for downstream in &current.value.downstreams {
        let key = Key::CurrentWorkflow(downstream.clone());
        let Some(current) = ports.store().get::<CurrentWorkflow>(&key).await? else {
            continue;
        };
        let definition = content::workflow(ports, &current.value.definition).await?;
        let zone = slot::zone(&definition.timezone);
        let slot = slot::of_upstream(definition.align, &zone, &told);
        let id = RunId::of(downstream, &slot.slot);
        let Some(other) = ports.store().get::<Run>(&Key::Run(id.clone())).await? else {
            continue;
        };
        match &other.value.cause {
            Cause::Upstream { runs } if runs.contains_key(&run.run) => {
                started.push((downstream.clone(), id));
            }
            // Not its doing: somebody ran that slot by hand.
            Cause::Upstream { .. }
            | Cause::Schedule { .. }
            | Cause::Event { .. }
            | Cause::Manual { .. }
            | Cause::Backfill { .. } => {}
        }
    }
    Ok(started)
}
