//! Several upstream workflows meet for one slot of a downstream workflow.

use choreography::slot::{self, SlotAt};
use model::definition::Workflow;
use model::fact::RunFact;
use model::id::RunId;
use model::key::Key;
use model::message::RunRequest;
use model::name::WorkflowRef;
use model::registry::{CurrentWorkflow, Meeting, UpstreamRun};
use model::run::Cause;
use ports::{CommitError, Ports, StateStore as _, Trouble, TypedStore as _, Write};

/// The runs an upstream's success starts: those of downstream workflows whose upstreams have all
/// succeeded for the slot, this one last.
pub(crate) async fn downstream<P: Ports>(
    ports: &P,
    upstream: &WorkflowRef,
    succeeded: &RunFact,
) -> Result<Vec<RunRequest>, Trouble> {
    let key = Key::CurrentWorkflow(upstream.clone());
    let Some(current) = ports.store().get::<CurrentWorkflow>(&key).await? else {
        return Ok(Vec::new());
    };
    let mut requests = Vec::new();
    for downstream in &current.value.downstreams {
        let Some((_, definition)) = crate::current(ports, downstream).await? else {
            continue;
        };
        if !definition.after.contains(upstream) {
            continue;
        }
        requests.extend(arrive(ports, downstream, &definition, upstream, succeeded).await?);
    }
    Ok(requests)
}

async fn arrive<P: Ports>(
    ports: &P,
    downstream: &WorkflowRef,
    definition: &Workflow,
    upstream: &WorkflowRef,
    succeeded: &RunFact,
) -> Result<Option<RunRequest>, Trouble> {
    let zone = slot::zone(&definition.timezone);
    let told = SlotAt {
        slot: succeeded.slot.clone(),
        logical_date: succeeded.logical_date,
    };
    let slot = slot::of_upstream(definition.align, &zone, &told);
    let arrived = UpstreamRun {
        run: succeeded.run.clone(),
        generation: succeeded.generation,
        depth: succeeded.depth,
    };
    if definition.after.len() == 1 {
        // Nobody to meet: the success itself starts the run, each time it is delivered.
        let runs = [(upstream.clone(), arrived)].into_iter().collect();
        return Ok(Some(request(downstream, slot, &runs)));
    }
    let run = RunId::of(downstream, &slot.slot);
    let key = Key::Meeting(run.clone());
    loop {
        let stored = ports.store().get::<Meeting>(&key).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let mut meeting = stored.map_or_else(
            || Meeting {
                run: run.clone(),
                workflow: downstream.clone(),
                slot: slot.slot.clone(),
                logical_date: slot.logical_date,
                arrived: Default::default(),
                closed_by: None,
            },
            |stored| stored.value,
        );
        let before = meeting.clone();
        meeting
            .arrived
            .entry(upstream.clone())
            .or_insert_with(|| arrived.clone());
        let all = definition
            .after
            .iter()
            .all(|after| meeting.arrived.contains_key(after));
        if all && meeting.closed_by.is_none() {
            meeting.closed_by = Some(upstream.clone());
        }
        if meeting != before {
            match ports
                .store()
                .commit(vec![Write::replace(&meeting, version)])
                .await
            {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        let ours = meeting.closed_by.as_ref() == Some(upstream);
        return Ok(ours.then(|| request(downstream, slot, &meeting.arrived)));
    }
}

fn request(
    downstream: &WorkflowRef,
    slot: SlotAt,
    arrived: &std::collections::BTreeMap<WorkflowRef, UpstreamRun>,
) -> RunRequest {
    let depth = arrived
        .values()
        .map(|upstream| upstream.depth)
        .max()
        .unwrap_or(0)
        + 1;
    let runs = arrived
        .values()
        .map(|upstream| (upstream.run.clone(), upstream.generation));
    RunRequest {
        workflow: downstream.clone(),
        slot: slot.slot,
        logical_date: slot.logical_date,
        cause: Cause::Upstream {
            runs: runs.collect(),
        },
        params: Default::default(),
        depth,
        limits: Vec::new(),
        waiting_since: None,
    }
}
