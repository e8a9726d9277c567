//! Operations that follow from an operation.

use model::Timestamp;
use model::fact::{Fact, FactBody};
use model::id::{OperationId, RunId, digest};
use model::message::{Function, Message};
use model::name::WorkflowRef;
use model::operation::{OperationKind, OperationRequest};
use ports::{EventBus as _, Outgoing, Ports, Trouble};

use crate::record::Opened;

/// The longest id that is written out; longer ones are cut and keep a hash.
const ID_MAX: usize = 200;

/// Sends operate what follows for each of these runs; their ids follow from this one, so asking
/// twice acts once.
pub(crate) async fn ask<P: Ports>(
    ports: &P,
    opened: &Opened,
    at: Timestamp,
    each: Vec<(WorkflowRef, RunId, OperationKind)>,
) -> Result<(), Trouble> {
    let origin = opened.request();
    let asked = each.into_iter().map(|(workflow, run, what)| {
        let request = OperationRequest {
            operation: id(&origin.operation, &run),
            by: origin.by.clone(),
            why: Some(format!("follows from the operation {}", origin.operation)),
            at,
            what,
        };
        let body = FactBody::OperationRequested(request);
        let fact = Fact::new(workflow.team, Some(workflow.name), at, body);
        Outgoing::from(Message::Fact(fact))
    });
    let asked: Vec<Outgoing> = asked.collect();
    if asked.is_empty() {
        return Ok(());
    }
    Ok(ports.bus().send(Function::Operate, asked).await?)
}

fn id(origin: &OperationId, run: &RunId) -> OperationId {
    let whole = format!("{origin}--{run}");
    if whole.len() <= ID_MAX {
        return OperationId::from(whole);
    }
    let hash = &digest([origin.as_str()])[..16];
    let kept: String = origin.as_str().chars().take(60).collect();
    OperationId::from(format!("{kept}-{hash}--{run}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_apart_and_short_however_long_the_chain() {
        let mut one = OperationId::from("ann-1");
        let mut other = OperationId::from("ann-2");
        for step in 0..40 {
            let run = RunId::from(format!("team--flow{step}--20260301t050000z"));
            (one, other) = (id(&one, &run), id(&other, &run));
            assert!(one.as_str().len() <= ID_MAX);
            assert_ne!(one, other);
        }
    }
}
