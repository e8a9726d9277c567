//! Deadlines of slots in which upstreams are expected to start a workflow, whether they did or not
//! (rule 18).

use std::collections::BTreeMap;
use std::sync::Arc;

use choreography::deadline::{Judgement, judge};
use choreography::slot::{self, SlotAt};
use choreography::upstreams::{Start, owed};
use model::Timestamp;
use model::definition::{Align, Workflow};
use model::expected::{Deadline, Expected};
use model::id::{RunId, Slot};
use model::key::Key;
use model::name::WorkflowRef;
use model::registry::{CurrentWorkflow, Pause};
use model::run::Run;
use ports::{Expect, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::content;

use crate::deadline::mark;

/// How many slots of one workflow are judged in one look.
const MOST_SLOTS: usize = 100;

/// How many workflows above one are followed.
const MOST_ABOVE: usize = 500;

/// Judges every slot whose deadline has passed and moves on to the next one.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    workflow: &WorkflowRef,
    read: Versioned<Expected>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let definition = current(ports, workflow).await?;
    let wanted = definition.and_then(|definition| {
        let deadline = definition
            .deadline
            .filter(|_| !definition.after.is_empty())?;
        Some((definition, deadline))
    });
    let Some((definition, deadline)) = wanted else {
        let delete = Write::delete(
            Key::Expected(read.value.schedule),
            Expect::Version(read.version),
        );
        return Ok(ports.store().commit(vec![delete]).await?);
    };
    let starts = starts(ports, &definition).await?;
    let mut expected = read.value;
    for _ in 0..MOST_SLOTS {
        let (Some(logical_date), Some(deadline_at)) = (expected.next_slot, expected.due_at) else {
            break;
        };
        if deadline_at > now {
            break;
        }
        judge_slot(ports, &definition, logical_date, deadline_at).await?;
        expected = owed(&starts, &definition, deadline, logical_date);
    }
    Ok(ports
        .store()
        .commit(vec![Write::replace(&expected, Some(read.version))])
        .await?)
}

async fn judge_slot<P: Ports>(
    ports: &P,
    definition: &Workflow,
    logical_date: Timestamp,
    deadline_at: Timestamp,
) -> Result<(), Trouble> {
    let workflow = definition.reference();
    let zone = slot::zone(&definition.timezone);
    let instant = SlotAt {
        slot: Slot::of_instant(logical_date),
        logical_date,
    };
    let SlotAt { slot, .. } = slot::of_upstream(definition.align, &zone, &instant);
    let run = RunId::of(&workflow, &slot);
    let found = ports
        .store()
        .get::<Run>(&Key::Run(run.clone()))
        .await?
        .map(|run| run.value);
    let has_own = definition.align == Align::Slot && found.is_some();
    if has_own || judge(found.as_ref(), deadline_at) != Judgement::Missed {
        return Ok(());
    }
    let pause = Key::WorkflowPause(workflow.clone());
    if found.is_none() && ports.store().get::<Pause>(&pause).await?.is_some() {
        return Ok(());
    }
    let missed = Deadline {
        workflow,
        slot,
        run,
        logical_date,
        deadline_at,
        due_at: None,
        missed: true,
        run_state: found.map(|run| run.state),
        look_at: None,
        risk: None,
    };
    mark(ports, missed).await
}

/// What a workflow and everything above it start on, as it is defined now.
async fn starts<P: Ports>(
    ports: &P,
    workflow: &Workflow,
) -> Result<BTreeMap<WorkflowRef, Start>, Trouble> {
    let mut starts = BTreeMap::from([(workflow.reference(), Start::of(workflow))]);
    let mut above: Vec<WorkflowRef> = workflow.after.clone();
    while let Some(next) = above.pop() {
        if starts.contains_key(&next) || starts.len() > MOST_ABOVE {
            continue;
        }
        if let Some(definition) = current(ports, &next).await? {
            above.extend(definition.after.iter().cloned());
            starts.insert(next, Start::of(&definition));
        }
    }
    Ok(starts)
}

async fn current<P: Ports>(
    ports: &P,
    workflow: &WorkflowRef,
) -> Result<Option<Arc<Workflow>>, Trouble> {
    let key = Key::CurrentWorkflow(workflow.clone());
    match ports.store().get::<CurrentWorkflow>(&key).await? {
        Some(current) if !current.value.removed => Ok(Some(
            content::workflow(ports, &current.value.definition).await?,
        )),
        Some(_) | None => Ok(None),
    }
}
