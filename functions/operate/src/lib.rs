//! operate: what people and APIs ask for, carried out as facts (rule 20).
//!
//! In: `operation.requested`. Out: `operation.done`, and whatever the operation says: requests to
//! start-run, outcomes delivered again, `run.cancelled`, `task.cancelled`, `task.ready`.
//!
//! Safe to repeat from the middle: the operation's item is written first and remembers which
//! generation is its own; all else is found done when it is repeated.

mod attempt;
mod backfill;
mod cancel_run;
mod cancel_task;
mod derived;
mod downstream;
mod generation;
mod mark;
mod params;
mod pass;
mod pause;
mod places;
mod record;
mod rerun;
mod start;
mod targets;

use model::fact::FactBody;
use model::message::Message;
use model::operation::{OperationKind, OperationState};
use ports::{BusError, CommitError, Delivery, Ports, StoreError, Trouble, Verdict};

use crate::record::Opened;

/// Handles a batch, operation by operation.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(Verdict::from(on(ports, delivery.message).await));
    }
    verdicts
}

async fn on<P: Ports>(ports: &P, message: Message) -> Result<(), Trouble> {
    let Message::Fact(fact) = message else {
        return Err(Trouble::Poison("operate takes operations only".to_owned()));
    };
    let FactBody::OperationRequested(request) = &fact.body else {
        let reason = format!("operate does not take {}", fact.body.type_name());
        return Err(Trouble::Poison(reason));
    };
    let request = request.clone();
    let mut opened = Opened::find_or_create(ports, fact, request).await?;
    match opened.state() {
        // A duplicate publishes again what it caused.
        OperationState::Done | OperationState::Refused => {
            opened.publish(ports).await?;
            return places::pass_on(ports, opened.request()).await;
        }
        OperationState::Accepted => {}
    }
    let (state, result) = match carry_out(ports, &mut opened).await {
        Ok(Carried::Continues) => return Ok(()),
        Ok(Carried::Done(result)) => (OperationState::Done, result),
        Err(Stop::Refused(reason)) => (OperationState::Refused, reason),
        Err(Stop::Trouble(trouble)) => return Err(trouble),
    };
    let request = opened.request().clone();
    opened.close(ports, state, result).await?;
    places::pass_on(ports, &request).await
}

/// How far an operation came.
pub(crate) enum Carried {
    /// To its end; says what was done.
    Done(String),
    /// A message or a waiter will go on with it.
    Continues,
}

/// Why an operation stopped.
pub(crate) enum Stop {
    /// It cannot be done; says what is wrong and what would be right.
    Refused(String),
    Trouble(Trouble),
}

/// Refuses an operation.
pub(crate) fn refused<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(reason.into()))
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<CommitError> for Stop {
    fn from(error: CommitError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<BusError> for Stop {
    fn from(error: BusError) -> Self {
        Self::Trouble(error.into())
    }
}

async fn carry_out<P: Ports>(ports: &P, opened: &mut Opened) -> Result<Carried, Stop> {
    match opened.request().what.clone() {
        OperationKind::Start {
            workflow,
            slot,
            logical_date,
            params,
        } => {
            let wanted = start::Wanted {
                workflow,
                slot,
                logical_date,
                params,
            };
            start::carry_out(ports, opened, wanted).await
        }
        OperationKind::Rerun {
            run,
            scope,
            definition,
            downstream,
            after,
            limits,
        } => {
            let wanted = rerun::Wanted {
                run,
                scope,
                definition,
                downstream,
                after,
                limits,
            };
            rerun::carry_out(ports, opened, &wanted).await
        }
        OperationKind::Backfill {
            workflow,
            from,
            to,
            max_active_runs,
            existing,
            params,
        } => {
            let wanted = backfill::Wanted {
                workflow,
                from,
                to,
                max_active_runs,
                existing,
                params,
            };
            backfill::carry_out(ports, opened, &wanted).await
        }
        OperationKind::Cancel { run, task } => match task {
            None => cancel_run::carry_out(ports, opened, &run).await,
            Some(task) => cancel_task::carry_out(ports, opened, &run, &task).await,
        },
        OperationKind::Pause { target } => pause::pause(ports, opened, &target).await,
        OperationKind::Resume { target } => pause::resume(ports, &target).await,
        OperationKind::Mark { run, task, outcome } => {
            let wanted = mark::Wanted { run, task, outcome };
            mark::carry_out(ports, opened, &wanted).await
        }
    }
}

#[cfg(test)]
mod tests;
