//! A failed instance: another takes its place in the same window, while that is of use.

use choreography::instance::claim;
use choreography::window::{self, Replacement, Window};
use model::cluster::{Instance, InstanceKey};
use model::key::Key;
use model::registry::CurrentCluster;
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::content;

use crate::request;

pub async fn apply(ports: &impl Ports, failed: &InstanceKey, receives: u32) -> Result<(), Trouble> {
    let next = InstanceKey {
        ordinal: failed.ordinal + 1,
        ..failed.clone()
    };
    let key = Key::Instance(next.clone());
    if ports.store().read(&key).await?.is_some() {
        return request::go_on(ports, &next, receives).await;
    }
    let read = ports
        .store()
        .get::<Instance>(&Key::Instance(failed.clone()))
        .await?;
    let Some(read) = read else {
        tracing::warn!(instance = %failed, "an instance failed that is not recorded");
        return Ok(());
    };
    let failed = read.value;
    let definition = content::cluster(ports, &failed.definition).await?;
    let current = Key::CurrentCluster(failed.instance.cluster.clone());
    let current = ports.store().get::<CurrentCluster>(&current).await?;
    let removed = current.is_none_or(|current| current.value.removed);
    let now = ports.clock().now();
    match window::replacement(&failed, &definition, removed, now) {
        Replacement::Claim(next) => {
            let window = Window::of(&failed);
            let claimed = claim::claimed(&next, &definition, &failed.definition, window, now);
            ports.store().commit(vec![Write::create(&claimed)]).await?;
            request::submit(ports, &claimed, 1, receives).await
        }
        Replacement::None(reason) => {
            tracing::info!(instance = %failed.instance, reason, "a failed instance is not replaced");
            Ok(())
        }
    }
}
