//! One look at everything that is due, longest due first.

use model::Timestamp;
use model::alert::Notice;
use model::cluster::Instance;
use model::expected::{Deadline, Expected};
use model::limit::Place;
use model::message::{Function, Message};
use model::record::Record;
use model::run::Run;
use model::task::Task;
use ports::{Clock as _, EventBus as _, Outgoing, Ports, StateStore as _, Stored};
use ports::{Trouble, Verdict};

use crate::{deadline, expected, instances, letters, notice, place, runs, task};

/// How many items one invocation looks at; if there are more, another tick goes on.
const MOST: usize = 1_000;

/// In which minutes of the hour leaks are looked for: in one tick of two minutes.
const LEAK_MINUTES: std::ops::Range<i64> = 0..2;

/// Looks at what is due. A failure of one item keeps no other waiting; all are told at the end.
pub(crate) async fn sweep<P: Ports>(ports: &P) -> Verdict {
    let now = ports.clock().now();
    let mut troubles = Troubles::default();
    let due = match ports.store().due(now, MOST).await {
        Ok(due) => due,
        Err(error) => return Verdict::from(Err(error.into())),
    };
    let more = due.len() == MOST;
    let mut found = Vec::new();
    for stored in due {
        if stored.kind == Run::KIND {
            // Runs are looked at together: their jobs are asked about by the hundred.
            match stored.read::<Run>() {
                Ok(run) => found.push(run),
                Err(error) => troubles.note(&name(&stored), error.into()),
            }
            continue;
        }
        if let Err(trouble) = one(ports, &stored, now).await {
            troubles.note(&name(&stored), trouble);
        }
    }
    for (run, trouble) in runs::look(ports, found, now).await {
        troubles.note(run.as_str(), trouble);
    }
    let minute = now.as_second().div_euclid(60).rem_euclid(60);
    if LEAK_MINUTES.contains(&minute)
        && let Err(trouble) = instances::leaks(ports, now).await
    {
        troubles.note("leaks", trouble);
    }
    if let Err(trouble) = letters::look(ports, now).await {
        troubles.note("dead letters", trouble);
    }
    if more && troubles.count < MOST {
        let again = Outgoing::from(Message::Sweep);
        if let Err(error) = ports.bus().send(Function::Reconcile, vec![again]).await {
            troubles.note("the rest", error.into());
        }
    }
    troubles.told()
}

fn name(stored: &Stored) -> String {
    format!("{} {}", stored.partition, stored.sort)
}

async fn one<P: Ports>(ports: &P, stored: &Stored, now: Timestamp) -> Result<(), Trouble> {
    match &*stored.kind {
        Task::KIND => task::look(ports, stored.read::<Task>()?.value, now).await,
        Expected::KIND => expected::look(ports, stored.read::<Expected>()?.value, now).await,
        Deadline::KIND => deadline::look(ports, stored.read::<Deadline>()?.value, now).await,
        Place::KIND => place::look(ports, stored.read::<Place>()?.value, now).await,
        Instance::KIND => instances::look(ports, stored.read::<Instance>()?, now).await,
        Notice::KIND => notice::look(ports, stored.read::<Notice>()?.value).await,
        other => Err(Trouble::Poison(format!(
            "nothing is known to be due of a {other}"
        ))),
    }
}

/// What went wrong during a sweep.
#[derive(Default)]
struct Troubles {
    count: usize,
    first: Option<Trouble>,
}

impl Troubles {
    fn note(&mut self, item: &str, trouble: Trouble) {
        match trouble {
            // Somebody else is at it, or it is too early: the next tick looks again.
            Trouble::Conflict | Trouble::Later(_) => {
                tracing::debug!(item, %trouble, "to be looked at again");
            }
            Trouble::Store(_)
            | Trouble::Bus(_)
            | Trouble::Compute(_)
            | Trouble::Names(_)
            | Trouble::Notify(_)
            | Trouble::Poison(_) => {
                tracing::error!(item, %trouble, "could not be looked at");
                self.count += 1;
                self.first.get_or_insert(trouble);
            }
        }
    }

    /// The next tick looks again anyway, so nothing here is given up as poison.
    fn told(self) -> Verdict {
        match self.first {
            None => Verdict::Done,
            Some(first) => Verdict::Failed(format!(
                "{} items could not be looked at, the first: {first}",
                self.count
            )),
        }
    }
}
