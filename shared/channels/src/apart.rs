//! Channels on a thread of their own, for an engine that goes on meanwhile and is no runtime.

use std::io;
use std::rc::Rc;
use std::thread;

use model::definition::AlertRoute;
use model::name::TeamName;
use model::post::Post;
use ports::{Notifier, NotifyError};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::{Channels, Secrets};

/// How many posts wait for the thread.
const WAITING: usize = 1_000;

/// Hands posts to the thread.
pub struct Apart {
    letters: mpsc::Sender<Letter>,
}

struct Letter {
    team: TeamName,
    route: AlertRoute,
    post: Post,
    answer: oneshot::Sender<Result<Option<String>, NotifyError>>,
}

impl Apart {
    /// Starts the thread, which ends with this.
    pub fn begin<S: Secrets + Send + 'static>(channels: Channels<S>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (letters, arriving) = mpsc::channel(WAITING);
        thread::Builder::new()
            .name("channels".to_owned())
            .spawn(move || LocalSet::new().block_on(&runtime, deliver(channels, arriving)))?;
        Ok(Self { letters })
    }
}

/// Posts letters as they arrive, until nobody sends any more; one that hangs holds up no other.
async fn deliver<S: Secrets + 'static>(
    channels: Channels<S>,
    mut arriving: mpsc::Receiver<Letter>,
) {
    let channels = Rc::new(channels);
    while let Some(letter) = arriving.recv().await {
        let channels = Rc::clone(&channels);
        tokio::task::spawn_local(async move {
            let posted = channels.post(&letter.team, &letter.route, &letter.post);
            // Whoever has stopped wants no answer.
            drop(letter.answer.send(posted.await));
        });
    }
}

impl Notifier for Apart {
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let (answer, answered) = oneshot::channel();
        let letter = Letter {
            team: team.clone(),
            route: route.clone(),
            post: post.clone(),
            answer,
        };
        if self.letters.try_send(letter).is_err() {
            let reason = "too many posts wait already".to_owned();
            return Err(NotifyError::Unavailable { reason });
        }
        let lost = || NotifyError::Unknown {
            reason: "nobody posts any more".to_owned(),
        };
        answered.await.unwrap_or_else(|_| Err(lost()))
    }
}
