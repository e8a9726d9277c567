//! One look at an instance that is to end: mark it, wait for its open work, ask the service.

use choreography::drain::{Drain, decide};
use choreography::instance::{Told, draining, never_up, terminating};
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::key::Key;
use model::message::{Function, Message};
use model::units::Seconds;
use ports::{Clock as _, Compute as _, EventBus as _, Outgoing, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned, Write};
use protocols::{instances, open_steps};

/// Looks, and goes on until there is something to wait for. `tell_again` publishes again what was
/// recorded before.
pub async fn look(ports: &impl Ports, key: &InstanceKey, tell_again: bool) -> Result<(), Trouble> {
    if tell_again {
        tell(ports, key).await?;
    }
    loop {
        let Some(read) = load(ports, key).await? else {
            tracing::warn!(instance = %key, "an instance is to end that is not recorded");
            return Ok(());
        };
        let now = ports.clock().now();
        // Read after the mark: a claim that came before it has its place there by now (rule 16).
        let open = match read.value.state {
            InstanceState::Draining => {
                let held = open_steps::held(ports, &read.value).await?;
                open_steps::open(&held)
            }
            InstanceState::Requested
            | InstanceState::Starting
            | InstanceState::Ready
            | InstanceState::Terminating
            | InstanceState::Terminated
            | InstanceState::Failed => 0,
        };
        match decide(&read.value, open, now) {
            Drain::NotYet => {
                tracing::warn!(instance = %key, "asked to drain before its window's end");
                return Ok(());
            }
            Drain::Ended => return Ok(()),
            Drain::Mark => {
                let marked = draining(&read.value, now);
                replace(ports, &marked, &read).await?;
                instances::publish(ports, &marked, Told::Draining).await?;
            }
            Drain::Wait(delay) => return again(ports, key, delay).await,
            Drain::Terminate(reason) => {
                tracing::info!(instance = %key, open, reason, "ending an instance");
                let next = terminating(&read.value, &reason, now);
                replace(ports, &next, &read).await?;
            }
            Drain::AskAgain => return ask(ports, &read.value).await,
            Drain::LookUp => {
                if !instances::look_up(ports, &read.value).await? {
                    return never(ports, &read).await;
                }
            }
            Drain::NeverUp => return never(ports, &read).await,
        }
    }
}

async fn load(
    ports: &impl Ports,
    key: &InstanceKey,
) -> Result<Option<Versioned<Instance>>, Trouble> {
    let item = Key::Instance(key.clone());
    Ok(ports.store().get::<Instance>(&item).await?)
}

/// Publishes what earlier looks recorded and may not have come to publish.
async fn tell(ports: &impl Ports, key: &InstanceKey) -> Result<(), Trouble> {
    let Some(read) = load(ports, key).await? else {
        return Ok(());
    };
    let instance = read.value;
    if instance.draining_at.is_some() {
        instances::publish(ports, &instance, Told::Draining).await?;
    }
    if instance.id.is_none() && instance.state == InstanceState::Failed {
        instances::publish(ports, &instance, Told::Failed).await?;
    }
    Ok(())
}

async fn replace(
    ports: &impl Ports,
    next: &Instance,
    read: &Versioned<Instance>,
) -> Result<(), Trouble> {
    let write = Write::replace(next, Some(read.version));
    Ok(ports.store().commit(vec![write]).await?)
}

async fn again(ports: &impl Ports, key: &InstanceKey, delay: Seconds) -> Result<(), Trouble> {
    let message = Outgoing {
        message: Message::Drain(key.clone()),
        delay,
    };
    Ok(ports
        .bus()
        .send(Function::TerminateCluster, vec![message])
        .await?)
}

/// Asks the service; steps that are still open are cancelled by it.
async fn ask(ports: &impl Ports, instance: &Instance) -> Result<(), Trouble> {
    match &instance.id {
        Some(id) => Ok(ports
            .compute()
            .terminate_clusters(std::slice::from_ref(id))
            .await?),
        None => Ok(()),
    }
}

async fn never(ports: &impl Ports, read: &Versioned<Instance>) -> Result<(), Trouble> {
    let reason = "its window ended before the service took the request".to_owned();
    let failed = never_up(&read.value, reason, ports.clock().now());
    replace(ports, &failed, read).await?;
    instances::publish(ports, &failed, Told::Failed).await
}
