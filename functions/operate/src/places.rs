//! Places of a run that runs again: it is as active as any, so it is under the same limits
//! (rule 15).

use model::key::Key;
use model::limit::{Place, QueueRef, SizedLimit, Waiter};
use model::message::Function;
use model::operation::{OperationKind, OperationRequest};
use model::run::Run;
use ports::{Clock as _, Ports, Trouble, TypedStore as _, Versioned};
use protocols::limits::{self, Holder, Seats};

use crate::generation;
use crate::record::Opened;

/// The places a run has before it runs again.
#[derive(Default)]
pub(crate) struct Seated {
    pub seats: Vec<Versioned<Place>>,
    /// What it or a duplicate may have left where it waited.
    waiters: Vec<Waiter>,
}

impl Seated {
    /// Removes what was left where it waited, which would take another's turn. Only once all is done:
    /// before that, nobody else might wake the operation.
    pub async fn forget_waiters<P: Ports>(&self, ports: &P) -> Result<(), Trouble> {
        for waiter in &self.waiters {
            limits::leave(ports, waiter).await?;
        }
        Ok(())
    }
}

/// Takes a place of each limit that is needed for a run, or none and waits; returns those it has.
pub(crate) async fn take<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &Versioned<Run>,
    needed: &[SizedLimit],
    priority: i32,
) -> Result<Option<Seated>, Trouble> {
    let Versioned {
        value: run,
        version,
    } = run;
    loop {
        let full = match limits::take_each(ports, needed, &holder(ports, run, *version)).await? {
            Seats::All(seats) => {
                let waiters = needed.iter().map(|sized| waiter(opened, sized, priority));
                let waiters = waiters.collect();
                return Ok(Some(Seated { seats, waiters }));
            }
            Seats::Full(full) => full,
        };
        // It may have been released by another limit, whose place it does not take: also by one that
        // its run has had a place of since it began to wait.
        let others = run.limits.iter().filter(|sized| sized.limit != full.limit);
        limits::pass_on(ports, others).await?;
        let waiter = waiter(opened, &full, priority);
        limits::wait(ports, &waiter, *version).await?;
        // Written, now look: a place freed in between released nobody.
        let held = limits::held(ports, &full.limit).await?;
        if held.len() >= full.size as usize {
            let waits = format!(
                "waits for one of the {} places of {}",
                full.size, full.limit
            );
            opened.note(ports, waits).await?;
            return Ok(None);
        }
    }
}

/// An operation that has nothing to take a place for (any more) may have been released by one.
pub(crate) async fn pass_on<P: Ports>(
    ports: &P,
    request: &OperationRequest,
) -> Result<(), Trouble> {
    let (run, own) = match &request.what {
        OperationKind::Rerun { run, limits, .. } => (run, limits.as_slice()),
        OperationKind::Mark { run, .. } => (run, &[][..]),
        OperationKind::Start { .. }
        | OperationKind::Backfill { .. }
        | OperationKind::Cancel { .. }
        | OperationKind::Pause { .. }
        | OperationKind::Resume { .. } => return Ok(()),
    };
    let read = ports.store().get::<Run>(&Key::Run(run.clone())).await?;
    let known = read.map_or_else(Vec::new, |run| run.value.limits);
    limits::pass_on(ports, &generation::under(&known, own)).await
}

fn waiter(opened: &Opened, full: &SizedLimit, priority: i32) -> Waiter {
    Waiter {
        queue: QueueRef::Limit(full.limit.clone()),
        holder: opened.request().operation.to_string(),
        priority,
        since: opened.request().at,
        inbox: Function::Operate,
        message: Box::new(opened.message()),
    }
}

fn holder<'a, P: Ports>(ports: &P, run: &'a Run, version: u64) -> Holder<'a> {
    Holder {
        name: run.run.as_str(),
        epoch: version,
        now: ports.clock().now(),
        timeout_at: None,
    }
}
