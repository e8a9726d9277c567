//! Channels in memory.

use std::collections::VecDeque;
use std::sync::Mutex;

use model::definition::AlertRoute;
use model::name::TeamName;
use model::post::Post;
use ports::{Notifier, NotifyError};

use super::lock;

/// Keeps what was posted, and fails when told to.
#[derive(Debug, Default)]
pub struct MemoryNotifier {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    posted: Vec<Posted>,
    failures: VecDeque<(NotifyError, bool)>,
}

/// A post that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub route: AlertRoute,
    pub post: Post,
    pub reference: String,
}

impl MemoryNotifier {
    /// Answers the next post with an error; whether it was seen all the same.
    pub fn fail(&self, error: NotifyError, is_seen: bool) {
        lock(&self.state).failures.push_back((error, is_seen));
    }

    /// What was posted, in order.
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.state).posted.clone()
    }

    /// Takes what was posted since it was last taken.
    pub fn take(&self) -> Vec<Posted> {
        std::mem::take(&mut lock(&self.state).posted)
    }
}

impl Notifier for MemoryNotifier {
    async fn post(
        &self,
        _: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let mut state = lock(&self.state);
        let failure = state.failures.pop_front();
        let is_seen = failure.as_ref().is_none_or(|(_, is_seen)| *is_seen);
        let number = state.posted.len() + 1;
        let reference = post.reference.clone();
        let reference = reference.unwrap_or_else(|| format!("message-{number}"));
        if is_seen {
            state.posted.push(Posted {
                route: route.clone(),
                post: post.clone(),
                reference: reference.clone(),
            });
        }
        match failure {
            None => Ok(Some(reference)),
            Some((error, _)) => Err(error),
        }
    }
}
