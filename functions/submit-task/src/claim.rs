//! Claiming: the conditional write that makes one submitter the only one, with where it will submit.

use std::sync::Arc;

use choreography::claim::{self, Claiming, LEASE};
use choreography::selection;
use choreography::work;
use model::cluster::Instance;
use model::definition::{Cluster, TaskKind};
use model::fact::TaskReady;
use model::key::Key;
use model::limit::{LimitRef, SizedLimit};
use model::run::RunState;
use model::task::{Claim, FailureClass, Failures, Place, Stopping, Task, TaskState};
use ports::{
    Clock as _, EventBus as _, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write,
};
use protocols::limits::{self, Holder};
use protocols::lots;
use protocols::{content, facts, registry, stop};

use crate::abandon;
use crate::choose;
use crate::claimed::{Claimed, Taken};
use crate::park::{self, Wait};
use crate::view::{View, Views};

/// Claims an attempt with a place of every limit it is under but its instance's open steps, of
/// which the batch takes places together. `None` when there is nothing to do or it waits.
pub(crate) async fn claim<P: Ports>(
    ports: &P,
    views: &mut Views,
    ready: &TaskReady,
    receives: u32,
) -> Result<Option<Claimed>, Trouble> {
    let key = Key::Task(ready.run.clone(), ready.task.clone());
    let glanced = views.glanced_run(ports, &ready.run).await?;
    if let Some(view) = glanced.filter(|view| view.wants(ready))
        && let Some(position) = view.plan.position(&ready.task)
    {
        // The commit proves what was glanced at, and the run is looked at again once it is made.
        let stored = views.glanced_task(&key)?;
        let existing = stored.as_ref().map(|stored| &stored.value);
        let now = ports.clock().now();
        if let Claiming::Claim { epoch, failures } = claim::decide(existing, ready, now) {
            let stored = stored.as_ref();
            let attempt = Attempt {
                view: &view,
                ready,
                position,
                stored,
            };
            match attempt.anew(ports, views, epoch, failures, receives).await {
                Err(Trouble::Conflict) => {}
                claimed => return claimed,
            }
        }
    }
    let view = views.run(ports, &ready.run).await?;
    let position = view.plan.position(&ready.task);
    let stored = ports.store().get::<Task>(&key).await?;
    let now = ports.clock().now();
    let Some(position) = position.filter(|_| view.wants(ready)) else {
        tracing::info!(
            run = %ready.run,
            task = %ready.task,
            generation = ready.generation,
            attempt = ready.attempt,
            "stale: not wanted any more"
        );
        match stored {
            Some(stored) if abandon::is_about(&stored.value, ready) => {
                abandon::unwanted(ports, &view, &stored, now).await?;
            }
            stored if is_unclaimed(&view, ready, stored.as_ref()) => {
                abandon::never_claimed(ports, &view, ready, stored.as_ref(), now).await?;
            }
            Some(_) => abandon::refused_before(ports, ready).await?,
            None => {}
        }
        park::pass_on(ports, ready).await?;
        return Ok(None);
    };
    let attempt = Attempt {
        view: &view,
        ready,
        position,
        stored: stored.as_ref(),
    };
    match claim::decide(stored.as_ref().map(|stored| &stored.value), ready, now) {
        Claiming::Stale => attempt.repeat(ports).await,
        Claiming::Later(delay) => {
            attempt.ask_older_to_stop(ports).await?;
            Err(Trouble::Later(delay))
        }
        Claiming::LookUpOlder => {
            let stored = stored.as_ref().expect("what is older is stored");
            let generation = ready.generation;
            // Whatever comes of it, the item is decided about anew.
            abandon::abandon(ports, stored, Stopping::Superseded { generation }).await?;
            Err(Trouble::Conflict)
        }
        Claiming::LookUp { epoch } => attempt.take_over(ports, views, epoch, receives).await,
        Claiming::Claim { epoch, failures } => {
            attempt.anew(ports, views, epoch, failures, receives).await
        }
    }
}

/// Whether a run was cancelled before anybody claimed an attempt.
fn is_unclaimed(view: &View, ready: &TaskReady, stored: Option<&Versioned<Task>>) -> bool {
    let has_none = stored.is_none_or(|stored| {
        stored.value.generation < ready.generation && !stored.value.state.is_open()
    });
    has_none && view.run.state == RunState::Cancelled
}

/// Keeps the attempt of an older generation whose item is about to be another's as history, and tells
/// what is replaced with it.
pub(crate) async fn keep_older<P: Ports>(
    ports: &P,
    older: Option<&Versioned<Task>>,
    generation: u32,
) -> Result<(), Trouble> {
    if let Some(history) = older.and_then(|older| facts::kept(&older.value, generation)) {
        ports.store().commit(vec![history]).await?;
    }
    if let Some(fact) = older.and_then(|older| facts::replaced(&older.value, generation)) {
        ports.bus().publish(vec![fact]).await?;
    }
    Ok(())
}

/// A ready attempt with what is known of it.
struct Attempt<'a> {
    view: &'a Arc<View>,
    ready: &'a TaskReady,
    position: u32,
    stored: Option<&'a Versioned<Task>>,
}

impl Attempt<'_> {
    /// Nothing is left to do but what a crash may have left undone: telling a refusal, and passing a
    /// release on to the next waiter.
    async fn repeat<P: Ports>(&self, ports: &P) -> Result<Option<Claimed>, Trouble> {
        if let Some(stored) = self.stored
            && stored.value.failure == Some(FailureClass::Refused)
            && stored.value.attempt_key() == self.ready.attempt_key()
        {
            abandon::give_back(ports, &stored.value).await?;
        }
        park::pass_on(ports, self.ready).await?;
        Ok(None)
    }

    /// Claims an attempt nobody has claimed.
    async fn anew<P: Ports>(
        &self,
        ports: &P,
        views: &mut Views,
        epoch: u64,
        failures: Failures,
        receives: u32,
    ) -> Result<Option<Claimed>, Trouble> {
        let mut task = self.view.item(self.ready, self.stored, failures);
        let read_at = self.stored.map(|stored| stored.version);
        keep_older(ports, self.stored, task.generation).await?;
        let wanted = self.limits(ports, views).await?;
        if self.view.run.paused {
            let item = (task, read_at);
            return park::park(ports, self.view, self.ready, item, Wait::Paused, &wanted).await;
        }
        for sized in &wanted {
            if limits::held(ports, &sized.limit).await?.len() >= sized.size as usize
                && !self.holds(ports, &sized.limit).await?
            {
                let wait = Wait::Limit(sized.clone());
                let item = (task, read_at);
                return park::park(ports, self.view, self.ready, item, wait, &wanted).await;
            }
        }
        let kind = &self.view.plan.written(self.position).kind;
        let mut instance = None;
        let place = match kind {
            TaskKind::Batch(batch) => Place::Queue(batch.queue.clone()),
            TaskKind::Spark(_) | TaskKind::Presto(_) | TaskKind::Command(_) => {
                let choice = kind
                    .cluster()
                    .expect("every kind but batch names a cluster");
                let Some(chosen) =
                    choose::instance(ports, views, &self.view.run.team, choice).await?
                else {
                    let (item, wait) = ((task, read_at), Wait::Instance(choice.clone()));
                    return park::park(ports, self.view, self.ready, item, wait, &wanted).await;
                };
                let (taken, reason) = chosen;
                task.reason = Some(reason);
                task.cluster = Some(taken.instance.cluster.clone());
                let id = taken
                    .id
                    .clone()
                    .expect("only instances with an id are chosen");
                instance = Some(taken);
                Place::Instance(id)
            }
        };
        let now = ports.clock().now();
        task.state = TaskState::Claimed;
        task.epoch = epoch;
        task.claim = Some(Claim {
            since: now,
            lease_until: LEASE.after(now),
            place,
            instance: instance.as_ref().map(|instance| instance.instance.clone()),
            limits: Vec::new(),
            seeks: wanted.iter().map(|sized| sized.limit.clone()).collect(),
        });
        ports
            .store()
            .commit(vec![Write::replace(&task, read_at)])
            .await?;
        let task = Versioned {
            value: task,
            version: read_at.map_or(1, |version| version + 1),
        };
        self.seated(ports, views, task, wanted, instance, receives, false)
            .await
    }

    /// Takes over a claim whose submitter was not heard of again.
    async fn take_over<P: Ports>(
        &self,
        ports: &P,
        views: &mut Views,
        epoch: u64,
        receives: u32,
    ) -> Result<Option<Claimed>, Trouble> {
        let stored = self.stored.expect("what is taken over is stored");
        let mut task = stored.value.clone();
        task.epoch = epoch;
        let claim = task.claim.as_mut().expect("a claimed task has a claim");
        claim.lease_until = LEASE.after(ports.clock().now());
        let instance = match &claim.instance {
            None => None,
            Some(key) => {
                ports
                    .store()
                    .get::<Instance>(&Key::Instance(key.clone()))
                    .await?
            }
        };
        let instance = instance.map(|instance| instance.value);
        ports
            .store()
            .commit(vec![Write::replace(&task, Some(stored.version))])
            .await?;
        let task = Versioned {
            value: task,
            version: stored.version + 1,
        };
        if let Some(ended) = instance.as_ref().filter(|one| one.state.is_terminal()) {
            // It is looked at no more, so nobody else would clear away the former submitter.
            let limit = selection::steps_limit(ended).limit;
            lots::vacate(ports, &limit, &self.ready.attempt_key()).await?;
        }
        let wanted = self.limits(ports, views).await?;
        self.seated(ports, views, task, wanted, instance, receives, true)
            .await
    }

    /// Takes a place of each limit of the task itself under a claim; without one for each it gives
    /// all back.
    #[allow(clippy::too_many_arguments)] // one claim in the making; a struct would only rename it
    async fn seated<P: Ports>(
        &self,
        ports: &P,
        views: &mut Views,
        task: Versioned<Task>,
        wanted: Vec<SizedLimit>,
        instance: Option<Instance>,
        receives: u32,
        look_up: bool,
    ) -> Result<Option<Claimed>, Trouble> {
        let key = self.ready.attempt_key();
        let name = key.to_string();
        let now = ports.clock().now();
        let timeout = self.view.plan.written(self.position).timeout;
        let timeout_at = timeout.map(|timeout| timeout.after(now));
        let holder = Holder {
            name: &name,
            epoch: task.value.epoch,
            now,
            timeout_at: None,
        };
        let mut places = Vec::with_capacity(wanted.len());
        let mut seated = true;
        for sized in &wanted {
            let Some(place) = limits::take(ports, sized, &holder).await? else {
                // What the former submitter may have submitted counts, place or not.
                if look_up {
                    seated = false;
                    continue;
                }
                registry::give_back(ports, &places, None, None).await?;
                let wait = Wait::Limit(sized.clone());
                let item = (task.value, Some(task.version));
                return park::park(ports, self.view, self.ready, item, wait, &wanted).await;
            };
            places.push(place);
        }
        if look_up {
            // It may sit at its instance already.
            park::pass_on(ports, self.ready).await?;
        } else {
            park::pass_on_unneeded(ports, self.view, self.ready, &wanted).await?;
        }
        let team = views.team(ports, &self.view.run.team).await?;
        let role = team
            .as_ref()
            .and_then(|team| team.execution_role.as_deref());
        let cluster = self.definition(ports, instance.as_ref()).await?;
        let going = work::Going {
            execution_role: role,
            cluster: cluster.as_deref(),
        };
        let filled = work::submission(&self.view.plan, self.position, &self.view.run, &key, going);
        match filled {
            Ok(submission) => Ok(Some(Claimed {
                wanted,
                // An instance that has ended is looked at no more, so nobody would free a place of it.
                steps: instance
                    .as_ref()
                    .filter(|instance| !instance.state.is_terminal())
                    .map(selection::steps_limit),
                seat: None,
                timeout_at,
                view: Arc::clone(self.view),
                ready: self.ready.clone(),
                task,
                submission,
                places,
                seated,
                instance,
                look_up,
                receives,
            })),
            Err(error) => {
                let taken = Taken {
                    task: &task,
                    places: &places,
                    seat: None,
                    instance: None,
                };
                taken.refuse(ports, error.to_string()).await?;
                Ok(None)
            }
        }
    }

    /// The definition an instance has pinned, read only for work that depends on it.
    async fn definition<P: Ports>(
        &self,
        ports: &P,
        instance: Option<&Instance>,
    ) -> Result<Option<Arc<Cluster>>, Trouble> {
        let kind = &self.view.plan.written(self.position).kind;
        match instance.filter(|_| work::needs_cluster(kind)) {
            Some(instance) => content::cluster(ports, &instance.definition)
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    /// Asks for the end of an older generation's attempt, in case whoever was to ask saw only a
    /// claim.
    async fn ask_older_to_stop<P: Ports>(&self, ports: &P) -> Result<(), Trouble> {
        let generation = self.ready.generation;
        let older = self
            .stored
            .filter(|stored| stored.value.generation < generation);
        if let Some(older) = older {
            let why = Stopping::Superseded { generation };
            stop::stop(ports, &older.value.attempt_key(), &why).await?;
        }
        Ok(())
    }

    /// The limits of the task itself: its pool and its team's quota.
    async fn limits<P: Ports>(
        &self,
        ports: &P,
        views: &mut Views,
    ) -> Result<Vec<SizedLimit>, Trouble> {
        let mut wanted = Vec::new();
        if let Some(pool) = &self.view.plan.written(self.position).pool {
            let owner = views.team(ports, &pool.team).await?;
            let size = owner.and_then(|owner| owner.pools.get(&pool.name).copied());
            // A pool that was removed no longer limits anything.
            wanted.extend(size.map(|size| SizedLimit {
                limit: LimitRef::Pool(pool.clone()),
                size,
            }));
        }
        let team = self.view.run.team.clone();
        let quota = views
            .team(ports, &team)
            .await?
            .and_then(|team| team.quota.running_tasks);
        wanted.extend(quota.map(|size| SizedLimit {
            limit: LimitRef::TeamTasks(team),
            size,
        }));
        Ok(wanted)
    }

    async fn holds<P: Ports>(&self, ports: &P, limit: &LimitRef) -> Result<bool, Trouble> {
        let name = self.ready.attempt_key().to_string();
        let held = limits::held(ports, limit).await?;
        Ok(held.iter().any(|place| place.value.holder == name))
    }
}
