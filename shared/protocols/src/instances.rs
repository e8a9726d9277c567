//! Instances of clusters: whose an id is, finding them by name, and what is told about them.

use choreography::instance::{Adoption, Told, claim, idle_at, leaked_at};
use model::cluster::{Instance, InstanceKey};
use model::fact::{ClusterFact, ClusterHistory, Fact, FactBody};
use model::id::EmrClusterId;
use model::key::Key;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Clock as _, CommitError, Compute as _, EventBus as _, Outgoing, Ports};
use ports::{StateStore as _, Trouble, TypedStore as _, Write};

/// How many ids TerminateJobFlows takes in one call.
const TERMINATE_MAX: usize = 10;

/// How far the service's clock may be behind ours when we look for what we requested.
const CLOCK_SKEW: Seconds = Seconds::hours(1);

/// The fact about an instance, built from its item alone, so a duplicate is byte-identical.
pub fn fact(instance: &Instance, told: Told) -> Fact {
    let mut data = ClusterFact {
        cluster: instance.instance.cluster.clone(),
        instance: instance.instance.clone(),
        id: instance.id.clone(),
        endpoint: None,
        reason: None,
        history: None,
    };
    if matches!(told, Told::Terminated | Told::Failed) {
        data.reason.clone_from(&instance.reason);
        data.history = Some(Box::new(ClusterHistory {
            requested_at: instance.requested_at,
            ready_at: instance.ready_at,
            tags: instance.tags.clone(),
        }));
    }
    let (time, body) = match told {
        Told::Requested => (None, FactBody::ClusterRequested(data)),
        Told::Ready => {
            data.endpoint.clone_from(&instance.endpoint);
            (instance.ready_at, FactBody::ClusterReady(data))
        }
        Told::Draining => {
            // Only what was ready is sure to have its id by then.
            data.id = data.id.filter(|_| instance.ready_at.is_some());
            (instance.draining_at, FactBody::ClusterDraining(data))
        }
        Told::Terminated => (instance.ended_at, FactBody::ClusterTerminated(data)),
        Told::Failed => (instance.ended_at, FactBody::ClusterFailed(data)),
        Told::Idle => {
            let since = instance.waste.idle_since;
            data.reason = since.map(|since| format!("no work since {since}"));
            let at = idle_at(instance, &instance.waste);
            (at, FactBody::ClusterIdle(data))
        }
        Told::Leaked => {
            let drain = instance.drain_until;
            data.reason = Some(format!("it should have ended after its drain at {drain}"));
            (Some(leaked_at(instance)), FactBody::ClusterLeaked(data))
        }
    };
    let time = time.unwrap_or(instance.requested_at);
    Fact::new(instance.team.clone(), None, time, body)
}

/// Publishes what is told about an instance.
pub async fn publish(ports: &impl Ports, instance: &Instance, told: Told) -> Result<(), Trouble> {
    Ok(ports.bus().publish(vec![fact(instance, told)]).await?)
}

/// Commits an id that the service gave for an instance's name, unless another came first: then
/// this one is a stray and is ended. Gives the instance when the id is its own.
pub async fn commit_id(
    ports: &impl Ports,
    key: &InstanceKey,
    id: &EmrClusterId,
) -> Result<Option<Instance>, Trouble> {
    loop {
        let read = ports
            .store()
            .get::<Instance>(&Key::Instance(key.clone()))
            .await?;
        let adoption = read.as_ref().map_or(Adoption::Stray, |read| {
            claim::adopt(&read.value, id, ports.clock().now())
        });
        match (adoption, read) {
            (Adoption::Known, Some(read)) => return Ok(Some(read.value)),
            (Adoption::Commit(next), Some(read)) => {
                let write = Write::replace(&*next, Some(read.version));
                match ports.store().commit(vec![write]).await {
                    Ok(()) => return Ok(Some(*next)),
                    Err(CommitError::Conflict) => {}
                    Err(CommitError::Store(error)) => return Err(error.into()),
                }
            }
            (Adoption::Stray | Adoption::Known | Adoption::Commit(_), None)
            | (Adoption::Stray, Some(_)) => {
                end_strays(ports, key, std::slice::from_ref(id)).await?;
                return Ok(None);
            }
        }
    }
}

/// Looks for what bears an instance's name: adopts one, ends all others; says whether there was
/// any. The caller then reads the item again.
pub async fn look_up(ports: &impl Ports, instance: &Instance) -> Result<bool, Trouble> {
    let since = CLOCK_SKEW.before(instance.requested_at);
    let listed = ports.compute().list_clusters(since).await?;
    let named = listed
        .iter()
        .filter(|seen| seen.instance == instance.instance);
    let Some(chosen) = claim::choose(named.clone()) else {
        return Ok(false);
    };
    let others: Vec<EmrClusterId> = named
        .filter(|seen| seen.id != chosen.id && !seen.state.is_ending())
        .map(|seen| seen.id.clone())
        .collect();
    // Its events may have come and gone before anyone could attribute them.
    let word = Outgoing::from(Message::Cluster(chosen.clone()));
    ports
        .bus()
        .send(Function::RecordCluster, vec![word])
        .await?;
    commit_id(ports, &instance.instance, &chosen.id).await?;
    end_strays(ports, &instance.instance, &others).await?;
    Ok(true)
}

/// Ends instances nobody owns. Says so, since each costs money and something went wrong.
pub async fn end_strays(
    ports: &impl Ports,
    key: &InstanceKey,
    ids: &[EmrClusterId],
) -> Result<(), Trouble> {
    for ids in ids.chunks(TERMINATE_MAX) {
        let listed: Vec<&str> = ids.iter().map(EmrClusterId::as_str).collect();
        tracing::warn!(instance = %key, ids = %listed.join(" "), "ending stray instances");
        ports.compute().terminate_clusters(ids).await?;
    }
    Ok(())
}
