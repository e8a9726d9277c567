//! Backfill: a workflow runs for each of its slots in a range of dates, so many at once.
//!
//! It works in pages and sends itself on after each, with how far it came on its item. A page that
//! is repeated asks for the same runs and the same reruns, which are known by their names.

use std::collections::BTreeMap;

use choreography::backfill::{Action, Planned, plan_backfill, slots};
use choreography::slot::SlotAt;
use model::Date;
use model::id::RunId;
use model::key::Key;
use model::limit::{LimitRef, SizedLimit};
use model::message::{Function, Message, RunRequest};
use model::name::WorkflowRef;
use model::operation::{ExistingRuns, OperationKind, RerunDefinition};
use model::run::{Cause, Run, RunState};
use ports::{EventBus as _, Outgoing, Ports, StateStore as _, Trouble};
use serde_json::Value;

use crate::record::Opened;
use crate::{Carried, Stop, derived, params, refused, targets};

/// How many slots one page takes.
const PAGE: usize = 100;

pub(crate) struct Wanted {
    pub workflow: WorkflowRef,
    pub from: Date,
    pub to: Date,
    pub max_active_runs: u32,
    pub existing: ExistingRuns,
    pub params: BTreeMap<String, Value>,
}

/// Takes the next page.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    wanted: &Wanted,
) -> Result<Carried, Stop> {
    if wanted.max_active_runs == 0 {
        return refused("max_active_runs is 0, so nothing would ever run; give 1 or more");
    }
    let (_, definition) = targets::workflow(ports, &wanted.workflow).await?;
    params::check(&definition, &wanted.params)?;
    let all = match slots(&definition, wanted.from, wanted.to, opened.request().at) {
        Ok(all) => all,
        Err(error) => return refused(error.to_string()),
    };
    let cursor = opened.cursor();
    let left = all
        .iter()
        .filter(|slot| cursor.is_none_or(|cursor| slot.logical_date > cursor));
    let page: Vec<SlotAt> = left.take(PAGE).cloned().collect();
    if let Some(last) = page.last() {
        let existing = existing(ports, opened, &wanted.workflow, &page).await?;
        let planned = plan_backfill(&definition, &page, &existing, wanted.existing);
        ask(ports, opened, wanted, planned).await?;
        opened.note_cursor(ports, last.logical_date).await?;
    }
    if page.len() == PAGE {
        let next = Outgoing::from(opened.message());
        ports.bus().send(Function::Operate, vec![next]).await?;
        return Ok(Carried::Continues);
    }
    let days = format!("from {} to {}", wanted.from, wanted.to);
    Ok(Carried::Done(format!(
        "asked for {} slots of {} {days}",
        all.len(),
        wanted.workflow
    )))
}

/// The states of the runs there are for these slots, but for those this backfill made itself
/// before a crash.
async fn existing<P: Ports>(
    ports: &P,
    opened: &Opened,
    workflow: &WorkflowRef,
    page: &[SlotAt],
) -> Result<BTreeMap<RunId, RunState>, Trouble> {
    let keys: Vec<Key> = page
        .iter()
        .map(|slot| Key::Run(RunId::of(workflow, &slot.slot)))
        .collect();
    let mut states = BTreeMap::new();
    for stored in ports.store().read_many(&keys).await?.into_iter().flatten() {
        let run = stored.read::<Run>()?.value;
        if run.cause != cause(opened) {
            states.insert(run.run, run.state);
        }
    }
    Ok(states)
}

fn cause(opened: &Opened) -> Cause {
    let request = opened.request();
    Cause::Backfill {
        operation: request.operation.clone(),
        by: request.by.clone(),
    }
}

async fn ask<P: Ports>(
    ports: &P,
    opened: &Opened,
    wanted: &Wanted,
    planned: Vec<Planned>,
) -> Result<(), Trouble> {
    let limit = LimitRef::Backfill(opened.request().operation.clone());
    let limits = vec![SizedLimit {
        limit,
        size: wanted.max_active_runs,
    }];
    let mut starts = Vec::new();
    let mut reruns = Vec::new();
    for Planned { run, slot, action } in planned {
        match action {
            Action::Leave(_) => {}
            Action::Start => starts.push(Outgoing::from(Message::Start(RunRequest {
                workflow: wanted.workflow.clone(),
                slot: slot.slot,
                logical_date: slot.logical_date,
                cause: cause(opened),
                params: wanted.params.clone(),
                depth: 0,
                limits: limits.clone(),
                waiting_since: None,
            }))),
            Action::Rerun(scope) => {
                let what = OperationKind::Rerun {
                    run: run.clone(),
                    scope,
                    definition: RerunDefinition::Pinned,
                    downstream: false,
                    after: None,
                    limits: limits.clone(),
                };
                reruns.push((wanted.workflow.clone(), run, what));
            }
        }
    }
    if !starts.is_empty() {
        ports.bus().send(Function::StartRun, starts).await?;
    }
    derived::ask(ports, opened, opened.request().at, reruns).await
}
