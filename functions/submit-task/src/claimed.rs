//! A claim on its way from its commit to its submission.

use std::sync::Arc;

use model::Timestamp;
use model::cluster::Instance;
use model::fact::TaskReady;
use model::key::Key;
use model::limit::{self, SizedLimit};
use model::task::{Claim, Task, TaskState};
use model::work::Submission;
use ports::{CommitError, Ports, StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::lots::Seat;
use protocols::{limits, registry};

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

impl Claimed {
    /// Gives back what it took and did not use, and lets as many waiters go.
    pub async fn give_back<P: Ports>(&self, ports: &P) -> Result<(), Trouble> {
        let instance = self.instance.as_ref();
        registry::give_back(ports, &self.places, self.seat.as_ref(), instance).await
    }

    /// Gives back what it took of an attempt that another has. While that one lives on a claim which
    /// counts on what was taken under it by whomever, that is the attempt's, and is freed with its end.
    pub async fn give_back_of_others<P: Ports>(
        &self,
        ports: &P,
        attempt: &Task,
    ) -> Result<(), Trouble> {
        let lives = matches!(attempt.state, TaskState::Submitted | TaskState::Running)
            && attempt.attempt_key() == self.submission.key;
        let Some(claim) = attempt.claim.as_ref().filter(|_| lives) else {
            return self.give_back(ports).await;
        };
        let is_counted_on = |place: &&Versioned<limit::Place>| {
            claim.seeks.contains(&place.value.limit)
                || claim.limits.contains(&limits::reference(&place.value))
        };
        let own = self.places.iter().filter(|place| !is_counted_on(place));
        let own: Vec<Versioned<limit::Place>> = own.cloned().collect();
        let seat = self
            .seat
            .as_ref()
            .filter(|_| claim.place != self.claim().place);
        registry::give_back(ports, &own, seat, self.instance.as_ref()).await
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

    /// Gives back what it took, unless another lives on it by now; says whether the item is still the
    /// one of this claim.
    pub async fn give_back_what_is_free<P: Ports>(&self, ports: &P) -> Result<bool, Trouble> {
        let key = Key::Task(self.ready.run.clone(), self.ready.task.clone());
        let Some(read) = ports.store().get::<Task>(&key).await? else {
            self.give_back(ports).await?;
            return Ok(false);
        };
        self.give_back_of_others(ports, &read.value).await?;
        Ok(read.version == self.task.version)
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
