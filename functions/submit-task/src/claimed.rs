//! A claim on its way from its commit to its submission.

use std::sync::Arc;

use model::Timestamp;
use model::cluster::Instance;
use model::fact::TaskReady;
use model::key::Key;
use model::limit::{self, SizedLimit};
use model::task::{Claim, FailureClass, Task, TaskState};
use model::work::Submission;
use ports::{
    Clock as _, CommitError, EventBus as _, Ports, StateStore as _, Trouble, TypedStore as _,
    Versioned, Write,
};
use protocols::lots::Seat;
use protocols::{facts, limits, registry};

use crate::view::View;

/// A claim that is committed, with what will be submitted under it.
pub(crate) struct Claimed {
    pub view: Arc<View>,
    pub ready: TaskReady,
    pub task: Versioned<Task>,
    pub submission: Submission,
    pub places: Vec<Versioned<limit::Place>>,
    /// The limits of the task itself.
    pub wanted: Vec<SizedLimit>,
    /// Open steps of its instance, of which it takes a place together with the rest of the batch.
    pub steps: Option<SizedLimit>,
    pub seat: Option<Seat>,
    pub timeout_at: Option<Timestamp>,
    /// Whether it has a place of every limit. A claim that is taken over may have none, and must
    /// then not submit anew.
    pub seated: bool,
    /// Where it runs, when that is an instance.
    pub instance: Option<Instance>,
    /// A former submitter was not heard of again: look the key up first.
    pub look_up: bool,
    pub receives: u32,
}

/// What was taken for a claim, and the claim's item as it was committed.
pub(crate) struct Taken<'a> {
    pub task: &'a Versioned<Task>,
    pub places: &'a [Versioned<limit::Place>],
    pub seat: Option<&'a Seat>,
    pub instance: Option<&'a Instance>,
}

impl Taken<'_> {
    /// Gives back what was not used, and lets as many waiters go.
    pub async fn give_back<P: Ports>(&self, ports: &P) -> Result<(), Trouble> {
        registry::give_back(ports, self.places, self.seat, self.instance).await
    }

    /// Gives back what was taken for an attempt that another has. While that one lives on a claim which
    /// counts on what was taken under it by whomever, that is the attempt's, and is freed with its end.
    pub async fn give_back_of_others<P: Ports>(
        &self,
        ports: &P,
        attempt: &Task,
    ) -> Result<(), Trouble> {
        let lives = matches!(attempt.state, TaskState::Submitted | TaskState::Running)
            && attempt.attempt_key() == self.task.value.attempt_key();
        let Some(claim) = attempt.claim.as_ref().filter(|_| lives) else {
            return self.give_back(ports).await;
        };
        let is_counted_on = |place: &&Versioned<limit::Place>| {
            claim.seeks.contains(&place.value.limit)
                || claim.limits.contains(&limits::reference(&place.value))
        };
        let own = self.places.iter().filter(|place| !is_counted_on(place));
        let own: Vec<Versioned<limit::Place>> = own.cloned().collect();
        let ours = self.task.value.claim.as_ref();
        let seat = self
            .seat
            .filter(|_| ours.is_none_or(|ours| claim.place != ours.place));
        registry::give_back(ports, &own, seat, self.instance).await
    }

    /// Commits the item of a claim that is given up, and gives back what was taken under it. Also when
    /// another write came first: nobody else would free what we took since and the other does not need.
    pub async fn give_up<P: Ports>(&self, ports: &P, task: &Task) -> Result<(), Trouble> {
        let write = Write::replace(task, Some(self.task.version));
        match ports.store().commit(vec![write]).await {
            Ok(()) => self.give_back(ports).await,
            Err(CommitError::Conflict) => {
                self.give_back_what_is_free(ports).await?;
                Err(Trouble::Conflict)
            }
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Gives back what was taken, unless another lives on it by now; says whether the item is still
    /// the one of this claim.
    pub async fn give_back_what_is_free<P: Ports>(&self, ports: &P) -> Result<bool, Trouble> {
        let ours = &self.task.value;
        let key = Key::Task(ours.run.clone(), ours.task.clone());
        let Some(read) = ports.store().get::<Task>(&key).await? else {
            self.give_back(ports).await?;
            return Ok(false);
        };
        self.give_back_of_others(ports, &read.value).await?;
        Ok(read.version == self.task.version)
    }

    /// Ends a task that can never be submitted.
    pub async fn refuse<P: Ports>(&self, ports: &P, reason: String) -> Result<(), Trouble> {
        let mut task = self.task.value.clone();
        task.state = TaskState::Failed;
        task.failure = Some(FailureClass::Refused);
        task.reason = Some(reason);
        task.ended_at = Some(ports.clock().now());
        self.give_up(ports, &task).await?;
        let told = facts::task(&task).into_iter().collect();
        Ok(ports.bus().publish(told).await?)
    }
}

impl Claimed {
    /// What it holds.
    pub fn taken(&self) -> Taken<'_> {
        Taken {
            task: &self.task,
            places: &self.places,
            seat: self.seat.as_ref(),
            instance: self.instance.as_ref(),
        }
    }

    /// The claim of the item.
    pub fn claim(&self) -> &Claim {
        self.task
            .value
            .claim
            .as_ref()
            .expect("a claimed task has a claim")
    }
}
