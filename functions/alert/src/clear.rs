//! What is well again clears symptoms; an incident without any that stands is resolved.

use std::collections::BTreeSet;
use std::sync::Arc;

use choreography::alert::settle;
use model::Timestamp;
use model::alert::{Incident, Root, RunIncidents, Symptom, SymptomRef};
use model::cluster::InstanceKey;
use model::id::RunId;
use model::key::Key;
use model::letters::platform;
use model::message::Function;
use model::name::TeamName;
use model::units::Seconds;
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};

use crate::symptoms::{ask, listed};

/// How many symptoms are read at once to find one that stands.
const PAGE: usize = 500;

/// A run succeeded in a generation, or somebody cancelled it: nothing that was told of it up to
/// then is wrong any more.
pub(crate) async fn run<P: Ports>(ports: &P, run: &RunId, generation: u32) -> Result<(), Trouble> {
    let key = Key::RunIncidents(run.clone());
    let Some(stored) = ports.store().get::<RunIncidents>(&key).await? else {
        return Ok(());
    };
    for root in &stored.value.incidents {
        let partition = Key::incident_partition(root);
        let of_tasks = format!("symptom#task/{run}/");
        for failed in ports.store().list::<Symptom>(&partition, &of_tasks).await? {
            clear(ports, failed, generation).await?;
        }
        for symptom in [
            SymptomRef::Run(run.clone()),
            SymptomRef::Deadline(run.clone()),
            SymptomRef::AtRisk(run.clone()),
            SymptomRef::Slow(run.clone()),
            SymptomRef::Tick(run.clone()),
        ] {
            let key = Key::Symptom(root.clone(), symptom);
            if let Some(stored) = ports.store().get::<Symptom>(&key).await? {
                clear(ports, stored, generation).await?;
            }
        }
        settle(ports, root).await?;
    }
    Ok(())
}

/// An instance is ready: what older ones of its cluster failed of is over, and so is that it was late.
pub(crate) async fn cluster<P: Ports>(ports: &P, ready: &InstanceKey) -> Result<(), Trouble> {
    let root = Root::Cluster(ready.cluster.clone());
    let key = Key::Incident(root.clone());
    if ports.store().read(&key).await?.is_none() {
        // Its first symptom, if one is just being written, is looked at again by its writer.
        return Ok(());
    }
    let partition = Key::incident_partition(&root);
    for prefix in ["symptom#instance/", "symptom#late/"] {
        for stored in ports.store().list::<Symptom>(&partition, prefix).await? {
            if is_over_with(&stored.value.symptom, ready) {
                symptom(ports, &root, &stored.value.symptom).await?;
            }
        }
    }
    settle(ports, &root).await
}

fn is_over_with(symptom: &SymptomRef, ready: &InstanceKey) -> bool {
    match symptom {
        SymptomRef::Instance(failed) => failed < ready,
        SymptomRef::Late(first) => first <= ready,
        SymptomRef::Task(..)
        | SymptomRef::Run(_)
        | SymptomRef::Deadline(_)
        | SymptomRef::AtRisk(_)
        | SymptomRef::Slow(_)
        | SymptomRef::Tick(_)
        | SymptomRef::Idle(_)
        | SymptomRef::Leaked(_)
        | SymptomRef::Letters(_) => false,
    }
}

/// An instance has ended: it costs no more.
pub(crate) async fn ended<P: Ports>(ports: &P, instance: &InstanceKey) -> Result<(), Trouble> {
    let root = Root::Cluster(instance.cluster.clone());
    for what in [
        SymptomRef::Idle(instance.clone()),
        SymptomRef::Leaked(instance.clone()),
    ] {
        let key = Key::Symptom(root.clone(), what.clone());
        if ports.store().read(&key).await?.is_some() {
            symptom(ports, &root, &what).await?;
        }
    }
    Ok(())
}

/// None of an inbox's messages was set aside any more at an instant; others may have come since.
pub(crate) async fn letters<P: Ports>(
    ports: &P,
    inbox: Function,
    gone_at: Timestamp,
) -> Result<(), Trouble> {
    let root = Root::Inbox(inbox);
    let key = Key::Symptom(root.clone(), SymptomRef::Letters(inbox));
    let stored = ports.store().get::<Symptom>(&key).await?;
    if let Some(stored) = stored.filter(|stored| stored.value.at <= gone_at) {
        clear(ports, stored, u32::MAX).await?;
    }
    settle(ports, &root).await
}

/// Clears one symptom, and sees whether its incident is over.
pub(crate) async fn symptom<P: Ports>(
    ports: &P,
    root: &Root,
    symptom: &SymptomRef,
) -> Result<(), Trouble> {
    let key = Key::Symptom(root.clone(), symptom.clone());
    if let Some(stored) = ports.store().get::<Symptom>(&key).await? {
        clear(ports, stored, u32::MAX).await?;
    }
    settle(ports, root).await
}

async fn clear<P: Ports>(
    ports: &P,
    read: Versioned<Symptom>,
    generation: u32,
) -> Result<(), Trouble> {
    if read.value.cleared_at.is_some() || read.value.generation > generation {
        return Ok(());
    }
    let cleared = Symptom {
        cleared_at: Some(ports.clock().now()),
        ..read.value
    };
    let write = Write::replace(&cleared, Some(read.version));
    ports.store().commit(vec![write]).await?;
    Ok(())
}

/// Lets an incident be what its symptoms say, and has the routes look when it is over. Who resolves
/// it looks once more: a symptom may have come in between and found it open.
async fn settle<P: Ports>(ports: &P, root: &Root) -> Result<(), Trouble> {
    let key = Key::Incident(root.clone());
    loop {
        let Some(stored) = ports.store().get::<Incident>(&key).await? else {
            return Ok(());
        };
        let teams = teams_if_over(ports, root).await?;
        let now = ports.clock().now();
        let Some(next) = settle::settled(&stored.value, teams.is_none(), now) else {
            // Also when it was over before: whoever resolved it may have stopped right then.
            return match teams {
                Some(teams) => ask(ports, root, teams, Seconds(0)).await,
                None => Ok(()),
            };
        };
        let writes = vec![Write::replace(&next, Some(stored.version)), listed(&next)];
        ports.store().commit(writes).await?;
        tracing::info!(incident = %root, state = ?next.state, "an incident changed");
    }
}

/// Whose the symptoms were, once none stands.
async fn teams_if_over<P: Ports>(
    ports: &P,
    root: &Root,
) -> Result<Option<BTreeSet<TeamName>>, Trouble> {
    let mut teams = BTreeSet::new();
    match root {
        Root::Run(_) => {}
        Root::Cluster(cluster) => drop(teams.insert(cluster.team.clone())),
        Root::Inbox(_) => drop(teams.insert(platform())),
    }
    let partition = Key::incident_partition(root);
    let mut after: Option<Arc<str>> = None;
    loop {
        let store = ports.store();
        let page = store
            .scan(&partition, "symptom#", after.as_deref(), PAGE)
            .await?;
        for stored in &page {
            let symptom = stored.read::<Symptom>()?.value;
            if symptom.cleared_at.is_none() {
                return Ok(None);
            }
            teams.insert(symptom.team);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.sort.clone()),
            Some(_) | None => return Ok(Some(teams)),
        }
    }
}
