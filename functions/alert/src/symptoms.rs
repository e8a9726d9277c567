//! Facts that something is wrong become symptoms, and symptoms open incidents.
//!
//! The symptom is written first, then whether it still stands is looked at: whoever makes things
//! well writes that first and looks for symptoms then, so one of the two sees the other (rule 16).

use std::collections::BTreeSet;

use choreography::alert::settle::{self, Added};
use choreography::alert::symptom;
use model::alert::{AlertRequest, CurrentAlerts, Incident, IncidentState, OpenIncident};
use model::alert::{Root, RouteRef, RunIncidents, Symptom, SymptomRef};
use model::cluster::{Instance, InstanceKey};
use model::expected::ScheduleRef;
use model::fact::{
    ClusterFact, DeadlineFact, Fact, LettersFact, RiskFact, RunFact, SlowFact, TaskFact, TickFact,
};
use model::id::RunId;
use model::key::Key;
use model::letters::{Letters, platform};
use model::message::{Function, Message};
use model::name::{ClusterRef, TeamName};
use model::record::Record as _;
use model::run::Run;
use model::task::Task;
use model::units::Seconds;
use ports::{Clock as _, EventBus as _, Expect, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned, Write};

use crate::{clear, known};

/// How many newer instances are looked at: more than a window and its replacements ever have.
const PAGE: usize = 100;

/// A task failed for good.
pub(crate) async fn task_failed<P: Ports>(
    ports: &P,
    told: &TaskFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let key = Key::Task(told.run.clone(), told.task.clone());
    let Some(task) = ports.store().get::<Task>(&key).await? else {
        return Ok(());
    };
    // Somebody runs it again already, or has set its outcome by hand.
    let is_newer = (task.value.generation, task.value.attempt) != (told.generation, told.attempt);
    let Some(found) = symptom::of_task(&task.value).filter(|_| !is_newer) else {
        return Ok(());
    };
    let Some(run) = known::run(ports, &told.run).await? else {
        return Ok(());
    };
    let plan = protocols::plans::plan(ports, &run.definition).await?;
    let position = plan.position(&told.task);
    if position.is_some_and(|position| symptom::is_absorbed(&plan, position)) {
        return Ok(());
    }
    record(ports, found, is_repeated).await
}

/// A run failed: because of tasks that are known to have failed or are found now, or for a reason
/// of its own.
pub(crate) async fn run_failed<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &RunFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let partition = Key::run_partition(&told.run);
    let mut found = Vec::new();
    for task in ports.store().list::<Task>(&partition, "task#").await? {
        // A task may have failed in an earlier generation than the one that fails because of it.
        found.extend(symptom::of_task(&task.value).map(|failed| Symptom {
            generation: told.generation.max(failed.generation),
            ..failed
        }));
    }
    if found.is_empty() {
        found.push(Symptom {
            generation: told.generation,
            reason: told.reason.clone(),
            ..of_run(fact, &told.run, SymptomRef::Run(told.run.clone()))
        });
    }
    for symptom in found {
        record(ports, symptom, is_repeated).await?;
    }
    Ok(())
}

/// A run had not succeeded by its deadline, or never began.
pub(crate) async fn deadline_missed<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &DeadlineFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let found = of_run(fact, &told.run, SymptomRef::Deadline(told.run.clone()));
    let reason = told.state.is_none().then(|| "it never started".to_owned());
    record(ports, Symptom { reason, ..found }, is_repeated).await
}

/// A run will probably be late.
pub(crate) async fn at_risk<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &RiskFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let waits: Vec<&str> = told
        .critical_path
        .iter()
        .map(|task| task.as_str())
        .collect();
    let found = Symptom {
        generation: told.generation,
        reason: Some(format!(
            "it will probably end {} late, after {}",
            Seconds::between(told.deadline_at, told.likely_at),
            waits.join(", ")
        )),
        ..of_run(fact, &told.run, SymptomRef::AtRisk(told.run.clone()))
    };
    record(ports, found, is_repeated).await
}

/// A run takes far longer than others did.
pub(crate) async fn slow<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &SlowFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let found = Symptom {
        generation: told.generation,
        reason: Some(format!(
            "none of its latest runs took more than {}",
            told.longest
        )),
        ..of_run(fact, &told.run, SymptomRef::Slow(told.run.clone()))
    };
    record(ports, found, is_repeated).await
}

/// A tick did not come. Of one that ends a window nobody is told: an instance that stays is.
pub(crate) async fn tick_missed<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &TickFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let found = match (&told.schedule, &told.run) {
        (ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_), Some(run)) => {
            of_run(fact, run, SymptomRef::Tick(run.clone()))
        }
        (ScheduleRef::Provision(cluster), _) => {
            let first = InstanceKey {
                cluster: cluster.clone(),
                window_start: told.scheduled_time,
                ordinal: 1,
            };
            at_cluster(fact, cluster, SymptomRef::Late(first))
        }
        (ScheduleRef::Terminate(_), _)
        | (ScheduleRef::Workflow(_) | ScheduleRef::Upstreams(_), None) => return Ok(()),
    };
    record(ports, found, is_repeated).await
}

/// Something is wrong with an instance. That it failed is no news once a newer one is ready, nor is
/// anything else once it has ended.
pub(crate) async fn of_cluster<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &ClusterFact,
    what: SymptomRef,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let found = Symptom {
        reason: told.reason.clone(),
        ..at_cluster(fact, &told.cluster, what)
    };
    record(ports, found, is_repeated).await
}

/// Messages of an inbox were set aside; until none is left, that stands.
pub(crate) async fn set_aside<P: Ports>(
    ports: &P,
    fact: &Fact,
    told: &LettersFact,
    is_repeated: bool,
) -> Result<(), Trouble> {
    let one = told.reason.as_deref().unwrap_or("it is not known why");
    let reason = match told.letters {
        1 => one.to_owned(),
        more => format!("{more}, one of them: {one}"),
    };
    let found = Symptom {
        incident: Root::Inbox(told.inbox),
        symptom: SymptomRef::Letters(told.inbox),
        team: fact.team.clone(),
        workflow: None,
        generation: 0,
        attempt: 0,
        failure: None,
        reason: Some(reason),
        at: fact.time,
        cleared_at: None,
    };
    record(ports, found, is_repeated).await
}

fn at_cluster(fact: &Fact, cluster: &ClusterRef, symptom: SymptomRef) -> Symptom {
    Symptom {
        incident: Root::Cluster(cluster.clone()),
        symptom,
        team: fact.team.clone(),
        workflow: None,
        generation: 0,
        attempt: 0,
        failure: None,
        reason: None,
        at: fact.time,
        cleared_at: None,
    }
}

fn of_run(fact: &Fact, run: &RunId, symptom: SymptomRef) -> Symptom {
    Symptom {
        incident: Root::Run(run.clone()),
        symptom,
        team: fact.team.clone(),
        workflow: fact.workflow.clone(),
        generation: 0,
        attempt: 0,
        failure: None,
        reason: None,
        at: fact.time,
        cleared_at: None,
    }
}

/// Stores a symptom, lets its incident be open, and has the routes look.
async fn record<P: Ports>(ports: &P, told: Symptom, is_repeated: bool) -> Result<(), Trouble> {
    store(ports, &told).await?;
    if is_over(ports, &told).await? {
        return clear::symptom(ports, &told.incident, &told.symptom).await;
    }
    let key = Key::Symptom(told.incident.clone(), told.symptom.clone());
    let Some(stored) = ports.store().get::<Symptom>(&key).await? else {
        return Ok(());
    };
    if stored.value.cleared_at.is_some() {
        return Ok(());
    }
    open(ports, &stored.value, is_repeated).await
}

/// Stores it where it belongs, and at its run where that is.
async fn store<P: Ports>(ports: &P, told: &Symptom) -> Result<(), Trouble> {
    let key = Key::Symptom(told.incident.clone(), told.symptom.clone());
    let stored = ports.store().get::<Symptom>(&key).await?;
    let Some(next) = symptom::recorded(stored.as_ref().map(|stored| &stored.value), told) else {
        return Ok(());
    };
    let mut writes = vec![Write::replace(&next, stored.map(|stored| stored.version))];
    if let Some(run) = told.symptom.run() {
        writes.extend(pointer(ports, run, &told.incident).await?);
    }
    ports.store().commit(writes).await?;
    Ok(())
}

/// The write that lets whoever sees the run succeed find its symptoms.
async fn pointer<P: Ports>(ports: &P, run: &RunId, root: &Root) -> Result<Option<Write>, Trouble> {
    let key = Key::RunIncidents(run.clone());
    let stored: Option<Versioned<RunIncidents>> = ports.store().get(&key).await?;
    let version = stored.as_ref().map(|stored| stored.version);
    let mut incidents = stored.map_or_else(BTreeSet::new, |stored| stored.value.incidents);
    let is_new = incidents.insert(root.clone());
    let run = run.clone();
    Ok(is_new.then(|| Write::replace(&RunIncidents { run, incidents }, version)))
}

/// Whether what is wrong is right again, by what is stored of the thing itself.
async fn is_over<P: Ports>(ports: &P, told: &Symptom) -> Result<bool, Trouble> {
    match &told.symptom {
        SymptomRef::Task(run, _)
        | SymptomRef::Run(run)
        | SymptomRef::Deadline(run)
        | SymptomRef::AtRisk(run)
        | SymptomRef::Slow(run)
        | SymptomRef::Tick(run) => {
            let run: Option<Versioned<Run>> = ports.store().get(&Key::Run(run.clone())).await?;
            Ok(run.is_some_and(|run| symptom::run_is_well(&run.value, told)))
        }
        SymptomRef::Instance(failed) => newer_is_ready(ports, failed).await,
        SymptomRef::Idle(own) | SymptomRef::Leaked(own) => {
            let key = Key::Instance(own.clone());
            let own = ports.store().get::<Instance>(&key).await?;
            Ok(own.is_none_or(|own| own.value.state.is_terminal()))
        }
        SymptomRef::Late(first) => {
            let key = Key::Instance(first.clone());
            let own = ports.store().get::<Instance>(&key).await?;
            if own.is_some_and(|own| own.value.ready_at.is_some()) {
                return Ok(true);
            }
            newer_is_ready(ports, first).await
        }
        SymptomRef::Letters(inbox) => none_is_left(ports, *inbox).await,
    }
}

/// Whether nothing is among an inbox's dead letters any more, as far as reconcile has seen.
async fn none_is_left<P: Ports>(ports: &P, inbox: Function) -> Result<bool, Trouble> {
    let letters = ports.store().get::<Letters>(&Key::Letters).await?;
    let seen = letters.and_then(|mut letters| letters.value.inboxes.remove(&inbox));
    Ok(seen.is_none_or(|seen| seen.gone_at.is_some()))
}

async fn newer_is_ready<P: Ports>(ports: &P, than: &InstanceKey) -> Result<bool, Trouble> {
    let partition = Key::cluster_partition(&than.cluster);
    let own = Key::Instance(than.clone()).sort();
    let store = ports.store();
    let newer = store
        .scan(&partition, "instance#", Some(&own), PAGE)
        .await?;
    for stored in &newer {
        if stored.read::<Instance>()?.value.ready_at.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens the incident, or asks for another look at it. A repeated fact asks again, for a look now and
/// for the one that everybody else relies on: whoever wrote the incident may not have come to it.
async fn open<P: Ports>(ports: &P, found: &Symptom, is_repeated: bool) -> Result<(), Trouble> {
    let now = ports.clock().now();
    let key = Key::Incident(found.incident.clone());
    let stored = ports.store().get::<Incident>(&key).await?;
    let version = stored.as_ref().map(|stored| stored.version);
    let stored = stored.map(|stored| stored.value);
    let (delay, changed) = match settle::add(stored.as_ref(), found, now) {
        Added::Opened(incident) => (Seconds(0), Some(incident)),
        Added::Asked(incident) => (Seconds::between(now, incident.look_at), Some(incident)),
        Added::Known if is_repeated => {
            let look_at = stored.map_or(now, |incident| incident.look_at);
            (Seconds::between(now, look_at), None)
        }
        Added::Known => return Ok(()),
    };
    if let Some(incident) = changed {
        let writes = vec![Write::replace(&incident, version), listed(&incident)];
        ports.store().commit(writes).await?;
        tracing::info!(incident = %incident.incident, opening = incident.opening, symptom = %found.symptom, "something is wrong");
    }
    if is_repeated && delay > Seconds(0) {
        ask(ports, &found.incident, owners(found), Seconds(0)).await?;
    }
    ask(ports, &found.incident, owners(found), delay).await
}

/// The write that keeps an incident among its team's open ones, or takes it out.
pub(crate) fn listed(incident: &Incident) -> Write {
    let open = OpenIncident {
        team: incident.team.clone(),
        incident: incident.incident.clone(),
        opened_at: incident.opened_at,
    };
    match incident.state {
        IncidentState::Open => Write::put(&open, Expect::Anything),
        IncidentState::Resolved => Write::delete(open.key(), Expect::Anything),
    }
}

/// Whose routes are told: the owner's of the root, and of what is harmed.
fn owners(symptom: &Symptom) -> BTreeSet<TeamName> {
    let of_root = match &symptom.incident {
        Root::Run(_) => None,
        Root::Cluster(cluster) => Some(cluster.team.clone()),
        Root::Inbox(_) => Some(platform()),
    };
    of_root.into_iter().chain([symptom.team.clone()]).collect()
}

/// Asks every route of these teams to look at an incident.
pub(crate) async fn ask<P: Ports>(
    ports: &P,
    incident: &Root,
    teams: BTreeSet<TeamName>,
    delay: Seconds,
) -> Result<(), Trouble> {
    let mut asked = Vec::new();
    for team in teams {
        let key = Key::CurrentAlerts(team.clone());
        let alerts = ports.store().get::<CurrentAlerts>(&key).await?;
        for route in alerts.iter().flat_map(|alerts| &alerts.value.routes) {
            let route = RouteRef::of(&team, route);
            let incident = incident.clone();
            let message = Message::Alert(AlertRequest::Notice { route, incident });
            asked.push(Outgoing { message, delay });
        }
    }
    if !asked.is_empty() {
        ports.bus().send(Function::Alert, asked).await?;
    }
    Ok(())
}
