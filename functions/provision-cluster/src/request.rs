//! The request for an instance, effectively once (rule 9): claim, call, commit the id; what nobody
//! knows the answer of is looked up by name after its lease.

use choreography::instance::claim::{self, Resume};
use choreography::instance::{Told, never_up};
use model::Timestamp;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::key::Key;
use model::units::Seconds;
use ports::{Clock as _, ClusterRequest, CommitError, Compute as _, Ports, StateStore as _};
use ports::{SubmitError, Trouble, TypedStore as _, Versioned, Write};
use protocols::{content, instances};

/// Goes on with an instance's request from wherever it stands.
pub async fn go_on(ports: &impl Ports, key: &InstanceKey, receives: u32) -> Result<(), Trouble> {
    let read = load(ports, key).await?;
    let now = ports.clock().now();
    match claim::resume(&read.value, now) {
        Resume::Settled => settled(ports, &read.value).await,
        Resume::Wait(delay) => Err(Trouble::Later(delay)),
        Resume::Claim => submit_again(ports, read, receives).await,
        Resume::TooLate => too_late(ports, read).await,
        Resume::LookUp => {
            if instances::look_up(ports, &read.value).await? {
                let read = load(ports, key).await?;
                return settled(ports, &read.value).await;
            }
            match claim::without_effect(&read.value, now) {
                Resume::TooLate => too_late(ports, read).await,
                Resume::Claim | Resume::LookUp | Resume::Wait(_) | Resume::Settled => {
                    submit_again(ports, read, receives).await
                }
            }
        }
    }
}

async fn load(ports: &impl Ports, key: &InstanceKey) -> Result<Versioned<Instance>, Trouble> {
    let item = Key::Instance(key.clone());
    let read = ports.store().get::<Instance>(&item).await?;
    read.ok_or_else(|| Trouble::Poison(format!("instance {key} was read, and is gone")))
}

/// Publishes again what the request led to.
async fn settled(ports: &impl Ports, instance: &Instance) -> Result<(), Trouble> {
    match (&instance.id, instance.state) {
        (Some(_), _) => instances::publish(ports, instance, Told::Requested).await,
        (None, InstanceState::Failed) => instances::publish(ports, instance, Told::Failed).await,
        (
            None,
            InstanceState::Requested
            | InstanceState::Starting
            | InstanceState::Ready
            | InstanceState::Draining
            | InstanceState::Terminating
            | InstanceState::Terminated,
        ) => Ok(()),
    }
}

async fn submit_again(
    ports: &impl Ports,
    read: Versioned<Instance>,
    receives: u32,
) -> Result<(), Trouble> {
    let claimed = claim::reclaimed(&read.value, ports.clock().now());
    let write = Write::replace(&claimed, Some(read.version));
    ports.store().commit(vec![write]).await?;
    submit(ports, &claimed, read.version + 1, receives).await
}

/// Asks the service for an instance that was just claimed, at this version of its item.
pub async fn submit(
    ports: &impl Ports,
    claimed: &Instance,
    version: u64,
    receives: u32,
) -> Result<(), Trouble> {
    let definition = content::cluster(ports, &claimed.definition).await?;
    let now = ports.clock().now();
    let mut cluster = definition.as_ref().clone();
    cluster.emr.auto_termination = idle_time(claimed, cluster.emr.auto_termination, now);
    let request = ClusterRequest {
        instance: claimed.instance.clone(),
        cluster,
    };
    match ports.compute().request_cluster(&request).await {
        Ok(id) => match instances::commit_id(ports, &claimed.instance, &id).await? {
            Some(instance) => instances::publish(ports, &instance, Told::Requested).await,
            None => Ok(()),
        },
        Err(error @ SubmitError::Unknown { .. }) => {
            tracing::warn!(instance = %claimed.instance, %error, "asking for an instance");
            let lease = claimed.lease_until.unwrap_or(now);
            // Past the lease's end, which the next delivery must not come before.
            Err(Trouble::Later(Seconds(Seconds::between(now, lease).0 + 1)))
        }
        Err(error @ SubmitError::Throttled { .. }) => {
            tracing::info!(instance = %claimed.instance, %error, "asking for an instance");
            let released = Write::replace(&claim::released(claimed, now), Some(version));
            match ports.store().commit(vec![released]).await {
                // A conflict: the window's end was marked meanwhile; the lease ends by itself.
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            Err(Trouble::Later(claim::throttled(
                &claimed.instance,
                receives,
            )))
        }
        Err(error @ (SubmitError::Refused { .. } | SubmitError::Gone { .. })) => {
            fail(ports, claimed, version, error.to_string()).await
        }
    }
}

/// The longest idle time EMR takes.
const LONGEST_IDLE: Seconds = Seconds::hours(7 * 24);

/// The idle time after which EMR ends the instance by itself. Within its window an instance may
/// rest: only what outlives its drain by the definition's time is a leak.
fn idle_time(instance: &Instance, definition: Seconds, now: Timestamp) -> Seconds {
    let until_drained = Seconds::between(now, instance.drain_until);
    Seconds(until_drained.0.saturating_add(definition.0)).min(LONGEST_IDLE)
}

async fn too_late(ports: &impl Ports, read: Versioned<Instance>) -> Result<(), Trouble> {
    let reason = "the service did not take the request while its window was worth it".to_owned();
    fail(ports, &read.value, read.version, reason).await
}

async fn fail(
    ports: &impl Ports,
    instance: &Instance,
    version: u64,
    reason: String,
) -> Result<(), Trouble> {
    tracing::warn!(instance = %instance.instance, reason, "an instance never came up");
    let failed = never_up(instance, reason, ports.clock().now());
    let write = Write::replace(&failed, Some(version));
    ports.store().commit(vec![write]).await?;
    instances::publish(ports, &failed, Told::Failed).await
}
