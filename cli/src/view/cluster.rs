//! A cluster with its instances, the work on them, and when it comes next.

use choreography::expected::schedule_of;
use choreography::selection;
use choreography::window::Window;
use model::Timestamp;
use model::cluster::Instance;
use model::definition::Cluster;
use model::key::Key;
use model::limit::{LimitRef, Place, QueueRef, Waiter};
use model::name::ClusterRef;
use ports::{StateStore, TypedStore as _};

use super::{definitions, waiting};
use crate::exit::Failure;

/// A cluster.
#[derive(Debug, Clone)]
pub struct ClusterView {
    pub cluster: ClusterRef,
    /// `None` when its file is gone.
    pub definition: Option<Cluster>,
    /// Oldest first.
    pub instances: Vec<Instance>,
    /// Steps open on instances that have not ended.
    pub open: Vec<Place>,
    /// Work that waits for it, by name or by tags.
    pub waiters: Vec<Waiter>,
    /// The first window that begins later.
    pub next: Option<Window>,
}

impl ClusterView {
    /// Reads everything about a cluster.
    pub async fn load(
        store: &impl StateStore,
        cluster: ClusterRef,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let partition = Key::cluster_partition(&cluster);
        let instances = store.list::<Instance>(&partition, "instance#").await?;
        let instances: Vec<Instance> = instances
            .into_iter()
            .map(|instance| instance.value)
            .collect();
        let mut open = Vec::new();
        let definition = definitions::current_cluster(store, &cluster).await?;
        let mut queues = match &definition {
            Some(definition) => selection::queues_for(&cluster, &definition.tags),
            None => vec![QueueRef::Cluster(cluster.clone())],
        };
        for instance in instances
            .iter()
            .filter(|instance| !instance.state.is_terminal())
        {
            let limit = LimitRef::Steps(instance.instance.clone());
            let held = protocols::lots::open(store, &limit).await?;
            open.extend(held.into_iter().map(|held| held.place));
            queues.extend(selection::queues_of(instance));
        }
        queues.sort();
        queues.dedup();
        let mut waiters = Vec::new();
        for queue in &queues {
            waiters.extend(waiting::waiters(store, queue).await?);
        }
        let next = definition
            .as_ref()
            .and_then(|definition| next_window(definition, now));
        Ok(Self {
            cluster,
            definition,
            instances,
            open,
            waiters,
            next,
        })
    }

    /// The instance that is up, comes up or goes; else none.
    pub fn live(&self) -> Option<&Instance> {
        self.instances
            .iter()
            .rev()
            .find(|instance| !instance.state.is_terminal())
    }
}

/// The first window that begins after an instant.
pub fn next_window(cluster: &Cluster, now: Timestamp) -> Option<Window> {
    let provision = schedule_of(&cluster.provision).ok()?;
    let terminate = schedule_of(&cluster.terminate).ok()?;
    Window::beginning_at(provision.next_after(now)?, &terminate)
}

/// The window an instant lies in.
pub fn present_window(cluster: &Cluster, now: Timestamp) -> Option<Window> {
    let provision = schedule_of(&cluster.provision).ok()?;
    let terminate = schedule_of(&cluster.terminate).ok()?;
    let window = Window::beginning_at(provision.previous_at_or_before(now)?, &terminate)?;
    (now < window.end).then_some(window)
}
