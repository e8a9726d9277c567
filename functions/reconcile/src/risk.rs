//! Runs that will probably miss their deadline, by what their workflow's earlier runs took.
//!
//! Nothing is read before the run could be at risk at all but how long earlier runs took; how many
//! looks follow depends on how much time is left, not on how long the run takes.

use choreography::forecast::risk::{self, Look};
use choreography::forecast::{self, Going, Past};
use model::Timestamp;
use model::expected::{Deadline, Risk};
use model::fact::{Fact, FactBody, RiskFact};
use model::key::Key;
use model::run::{Run, RunState};
use ports::{EventBus as _, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::history::{self, Attempts};
use protocols::plans;

/// Tasks, over all earlier runs, that are read for one forecast at most.
const READ: usize = 10_000;

/// Looks whether the deadline of a run under way will be missed. What was foreseen is stored before
/// it is told, so that a repeat tells the same.
pub(crate) async fn look<P: Ports>(
    ports: &P,
    read: Versioned<Deadline>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let (mut deadline, mut version) = (read.value, read.version);
    if deadline.risk.is_none() {
        deadline.look_at = match foresee(ports, &deadline, now).await? {
            Foreseen::Again(at) => Some(at),
            Foreseen::Never => None,
            Foreseen::Risk(risk) => {
                deadline.risk = Some(risk);
                // Still due: whoever repeats this tells it.
                deadline.look_at
            }
        };
        write(ports, &deadline, version).await?;
        version += 1;
    }
    let Some(risk) = deadline.risk.clone() else {
        return Ok(());
    };
    tell(ports, &deadline, risk).await?;
    deadline.look_at = None;
    write(ports, &deadline, version).await
}

async fn write<P: Ports>(ports: &P, deadline: &Deadline, version: u64) -> Result<(), Trouble> {
    let write = Write::replace(deadline, Some(version));
    Ok(ports.store().commit(vec![write]).await?)
}

enum Foreseen {
    Again(Timestamp),
    Risk(Risk),
    Never,
}

async fn foresee<P: Ports>(
    ports: &P,
    deadline: &Deadline,
    now: Timestamp,
) -> Result<Foreseen, Trouble> {
    let key = Key::Run(deadline.run.clone());
    let Some(run) = ports.store().get::<Run>(&key).await? else {
        return Ok(Foreseen::Never);
    };
    let run = run.value;
    match run.state {
        RunState::Waiting | RunState::Running => {}
        RunState::Succeeded | RunState::Failed | RunState::Cancelled | RunState::Skipped => {
            return Ok(Foreseen::Never);
        }
    }
    let store = ports.store();
    let workflow = run.workflow_ref();
    let earlier = history::succeeded(store, &workflow, forecast::MOST).await?;
    let Some(longest) = forecast::longest(&earlier) else {
        return Ok(Foreseen::Never);
    };
    // Until then it could even begin and take as long as the longest of them.
    let begins = longest.before(deadline.deadline_at);
    if now < begins {
        return Ok(Foreseen::Again(begins));
    }
    let plan = plans::plan(ports, &run.definition).await?;
    let most = (READ / plan.tasks.len().max(1)).min(forecast::MOST);
    let past = history::ended(store, &workflow, most).await?;
    let past: Vec<Past> = past.into_iter().map(|run| run.took).collect();
    let scopes = plans::scopes(ports, &run).await?;
    let attempts = Attempts::read(store, &run).await?;
    let going = Going {
        plan: &plan,
        started_at: scopes
            .opened_at(run.generation)
            .or(run.started_at)
            .unwrap_or(now),
        progress: &attempts.progress(|task| scopes.effective(task)),
        now,
    };
    let Some(told) = forecast::forecast(&going, &past) else {
        return Ok(Foreseen::Never);
    };
    Ok(match risk::look(&told, deadline.deadline_at, now) {
        Look::Again(at) => Foreseen::Again(at),
        Look::Never => Foreseen::Never,
        Look::Probable { likely_at, path } => Foreseen::Risk(Risk {
            at: now,
            generation: run.generation,
            likely_at,
            critical_path: path,
        }),
    })
}

async fn tell<P: Ports>(ports: &P, deadline: &Deadline, risk: Risk) -> Result<(), Trouble> {
    tracing::warn!(run = %deadline.run, likely_at = %risk.likely_at, "it will probably be late");
    let body = FactBody::DeadlineAtRisk(RiskFact {
        workflow: deadline.workflow.clone(),
        run: deadline.run.clone(),
        slot: deadline.slot.clone(),
        generation: risk.generation,
        deadline_at: deadline.deadline_at,
        likely_at: risk.likely_at,
        critical_path: risk.critical_path,
    });
    let workflow = deadline.workflow.clone();
    let fact = Fact::new(workflow.team, Some(workflow.name), risk.at, body);
    Ok(ports.bus().publish(vec![fact]).await?)
}
