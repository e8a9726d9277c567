//! Admission: a run becomes active once it holds a place of every limit it is under (rule 15).

use model::definition::WhenFull;
use model::fact::{Fact, FactBody};
use model::id::OperationId;
use model::limit::{LimitRef, QueueRef, SizedLimit, Waiter};
use model::message::{Function, Message, RunRequest};
use model::operation::{OperationKind, OperationRequest};
use model::run::{Run, RunState};
use ports::{
    Clock as _, EventBus as _, Outgoing, Ports, StateStore as _, Trouble, Versioned, Write,
};
use protocols::limits::{self, Holder, Seats};
use protocols::{content, facts};

/// Takes every place, or none and waits: a run that held one limit's place while it waits for
/// another would block runs that need only the first. Returns the run once it is active.
pub(crate) async fn admit<P: Ports>(
    ports: &P,
    waiting: Versioned<Run>,
) -> Result<Option<Run>, Trouble> {
    let Versioned {
        value: mut run,
        version,
    } = waiting;
    loop {
        let full =
            match limits::take_each(ports, &run.limits, &holder(ports, &run, version)).await? {
                Seats::Full(full) => full,
                Seats::All(seats) => {
                    run.state = RunState::Running;
                    run.started_at = Some(ports.clock().now());
                    run.reason = None;
                    let start = std::iter::once(Write::replace(&run, Some(version)));
                    ports
                        .store()
                        .commit(start.chain(limits::confirmed(&seats)).collect())
                        .await?;
                    return Ok(Some(run));
                }
            };
        // It may have been released by another limit, whose place it does not take.
        let others = run.limits.iter().filter(|sized| sized.limit != full.limit);
        limits::pass_on(ports, others).await?;
        match when_full(ports, &run, &full.limit).await? {
            WhenFull::Skip => return skip(ports, run, version, &full).await,
            WhenFull::CancelOlder => cancel_oldest(ports, &run, &full.limit).await?,
            WhenFull::Wait => {}
        }
        let waiter = waiter(ports, &run, &full).await?;
        limits::wait(ports, &waiter, version).await?;
        // Written, now look: a place freed in between released nobody.
        let held = limits::held(ports, &full.limit).await?;
        if held.len() >= full.size as usize {
            return wait(ports, run, version, &full).await;
        }
        limits::leave(ports, &waiter).await?;
    }
}

/// Only the workflow's own limit has a policy; at every other one a run waits.
async fn when_full<P: Ports>(ports: &P, run: &Run, limit: &LimitRef) -> Result<WhenFull, Trouble> {
    match limit {
        LimitRef::WorkflowRuns(_) => {
            let definition = content::workflow(ports, &run.definition).await?;
            Ok(definition
                .max_active_runs
                .map_or(WhenFull::Wait, |active| active.when_full))
        }
        LimitRef::Pool(_)
        | LimitRef::TeamTasks(_)
        | LimitRef::TeamRuns(_)
        | LimitRef::Backfill(_)
        | LimitRef::Steps(_) => Ok(WhenFull::Wait),
    }
}

async fn skip<P: Ports>(
    ports: &P,
    mut run: Run,
    version: u64,
    full: &SizedLimit,
) -> Result<Option<Run>, Trouble> {
    run.state = RunState::Skipped;
    run.ended_at = Some(ports.clock().now());
    run.check_at = None;
    run.reason = Some(format!(
        "all {} places of {} are held",
        full.size, full.limit
    ));
    ports
        .store()
        .commit(vec![Write::replace(&run, Some(version))])
        .await?;
    ports.bus().publish(vec![facts::run(&run)]).await?;
    Ok(None)
}

/// Asks operate to cancel the oldest active run; asking twice acts once.
async fn cancel_oldest<P: Ports>(ports: &P, run: &Run, limit: &LimitRef) -> Result<(), Trouble> {
    let held = limits::held(ports, limit).await?;
    let Some(oldest) = held.into_iter().min_by_key(|place| place.value.since) else {
        return Ok(());
    };
    let older = oldest.value.holder;
    let request = OperationRequest {
        operation: OperationId::from(format!("cancel-{older}-for-{}", run.run)),
        by: "start-run".to_owned(),
        why: Some(format!(
            "{} is newer, and max_active_runs cancels the older",
            run.run
        )),
        at: run.created_at,
        what: OperationKind::Cancel {
            run: older.as_str().into(),
            task: None,
        },
    };
    let body = FactBody::OperationRequested(request);
    let fact = Fact::new(
        run.team.clone(),
        Some(run.workflow.clone()),
        run.created_at,
        body,
    );
    Ok(ports
        .bus()
        .send(Function::Operate, vec![Outgoing::from(Message::Fact(fact))])
        .await?)
}

async fn waiter<P: Ports>(ports: &P, run: &Run, full: &SizedLimit) -> Result<Waiter, Trouble> {
    let definition = content::workflow(ports, &run.definition).await?;
    let request = RunRequest {
        workflow: run.workflow_ref(),
        slot: run.slot.clone(),
        logical_date: run.logical_date,
        cause: run.cause.clone(),
        params: run.params.clone(),
        depth: run.depth,
        limits: Vec::new(),
        waiting_since: Some(run.created_at),
    };
    Ok(Waiter {
        queue: QueueRef::Limit(full.limit.clone()),
        holder: run.run.to_string(),
        priority: definition.priority,
        since: run.created_at,
        inbox: Function::StartRun,
        message: Box::new(Message::Start(request)),
    })
}

async fn wait<P: Ports>(
    ports: &P,
    mut run: Run,
    version: u64,
    full: &SizedLimit,
) -> Result<Option<Run>, Trouble> {
    let reason = format!(
        "waits for one of the {} places of {}",
        full.size, full.limit
    );
    if run.reason.as_ref() != Some(&reason) {
        run.reason = Some(reason);
        ports
            .store()
            .commit(vec![Write::replace(&run, Some(version))])
            .await?;
    }
    ports.bus().publish(vec![facts::run(&run)]).await?;
    Ok(None)
}

fn holder<'a, P: Ports>(ports: &P, run: &'a Run, version: u64) -> Holder<'a> {
    Holder {
        name: run.run.as_str(),
        epoch: version,
        now: ports.clock().now(),
        timeout_at: None,
    }
}
