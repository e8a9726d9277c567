//! Start: a run by hand, for the caller's own slot.

use std::collections::BTreeMap;

use model::Timestamp;
use model::id::{RunId, Slot};
use model::key::Key;
use model::message::{Function, Message, RunRequest};
use model::name::WorkflowRef;
use model::run::{Cause, Run};
use ports::{EventBus as _, Outgoing, Ports, TypedStore as _};
use serde_json::Value;

use crate::record::Opened;
use crate::{Carried, Stop, params, refused, targets};

/// The longest slot a caller may choose, in bytes: it is part of keys.
const SLOT_MAX: usize = 256;

pub(crate) struct Wanted {
    pub workflow: WorkflowRef,
    pub slot: Option<Slot>,
    pub logical_date: Option<Timestamp>,
    pub params: BTreeMap<String, Value>,
}

/// Asks start-run for the run. A slot that has its run already is the same request again.
pub(crate) async fn carry_out<P: Ports>(
    ports: &P,
    opened: &Opened,
    wanted: Wanted,
) -> Result<Carried, Stop> {
    let request = opened.request();
    let (_, definition) = targets::workflow(ports, &wanted.workflow).await?;
    params::check(&definition, &wanted.params)?;
    let slot = wanted
        .slot
        .unwrap_or_else(|| Slot::from(request.operation.as_str()));
    check_slot(&slot)?;
    let cause = Cause::Manual {
        operation: request.operation.clone(),
        by: request.by.clone(),
    };
    let run = RunId::of(&wanted.workflow, &slot);
    let existing = ports.store().get::<Run>(&Key::Run(run.clone())).await?;
    if let Some(existing) = existing.filter(|existing| existing.value.cause != cause) {
        let state = targets::word(existing.value.state);
        return Ok(Carried::Done(format!(
            "the slot `{slot}` has its run already: {run}, {state}"
        )));
    }
    let start = RunRequest {
        workflow: wanted.workflow,
        slot,
        logical_date: wanted.logical_date.unwrap_or(request.at),
        cause,
        params: wanted.params,
        depth: 0,
        limits: Vec::new(),
        waiting_since: None,
    };
    let start = Outgoing::from(Message::Start(start));
    ports.bus().send(Function::StartRun, vec![start]).await?;
    Ok(Carried::Done(format!("asked for the run {run}")))
}

fn check_slot(slot: &Slot) -> Result<(), Stop> {
    let text = slot.as_str();
    if text.is_empty() {
        return refused("the slot is empty; leave it out, or give a key such as `order-17`");
    }
    if text.len() > SLOT_MAX {
        return refused(format!(
            "the slot has {} bytes; at most {SLOT_MAX} are possible",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return refused("the slot has control characters; use printable ones");
    }
    Ok(())
}
