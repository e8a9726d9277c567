//! Places of a run that runs again: it is as active as any, so it is under the same limits
//! (rule 15).

use model::limit::{QueueRef, SizedLimit, Waiter};
use model::message::Function;
use model::run::Run;
use ports::{Clock as _, Ports, Trouble};
use protocols::limits::{self, Holder};

use crate::record::Opened;

/// Takes every place for a run that had ended, or none and waits; says whether it has them.
pub(crate) async fn take<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    run: &Run,
    priority: i32,
) -> Result<bool, Trouble> {
    while let Some(full) = limits::take_each(ports, &run.limits, &holder(ports, run)).await? {
        // It may have been released by another limit, whose place it does not take.
        let others = run.limits.iter().filter(|sized| sized.limit != full.limit);
        limits::pass_on(ports, others).await?;
        let waiter = waiter(opened, &full, priority);
        limits::wait(ports, &waiter).await?;
        // Written, now look: a place freed in between released nobody.
        let held = limits::held(ports, &full.limit).await?;
        if held.len() >= full.size as usize {
            let waits = format!(
                "waits for one of the {} places of {}",
                full.size, full.limit
            );
            opened.note(ports, waits).await?;
            return Ok(false);
        }
        limits::leave(ports, &waiter).await?;
    }
    for sized in &run.limits {
        // One that a duplicate left would take another's turn.
        limits::leave(ports, &waiter(opened, sized, priority)).await?;
    }
    Ok(true)
}

/// Frees whatever the run holds and lets the next ones go.
pub(crate) async fn free_all<P: Ports>(ports: &P, run: &Run) -> Result<(), Trouble> {
    for sized in &run.limits {
        limits::free_all(ports, &sized.limit, run.run.as_str()).await?;
        limits::release(ports, &QueueRef::Limit(sized.limit.clone()), 1).await?;
    }
    Ok(())
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

fn holder<'a, P: Ports>(ports: &P, run: &'a Run) -> Holder<'a> {
    Holder {
        name: run.run.as_str(),
        now: ports.clock().now(),
        timeout_at: None,
    }
}
