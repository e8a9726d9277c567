//! Where people are told that something is wrong.

use model::definition::AlertRoute;
use model::name::TeamName;
use model::post::Post;
use model::units::Seconds;

/// Posts messages to the channels of teams.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Notifier {
    /// Posts a message to a team's route once, within some ten seconds, and never tries again by
    /// itself. Gives by what the channel finds it again, where it can. Where a message can be edited,
    /// one with a reference replaces it; elsewhere it is posted on its own.
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError>;
}

/// A message may not have been posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It was not: the channel takes no more for a while.
    #[error("the channel throttles for {after}: {reason}")]
    Throttled { after: Seconds, reason: String },
    /// It was not, and may be later.
    #[error("the channel is unavailable: {reason}")]
    Unavailable { reason: String },
    /// It was not, and will not be until somebody mends the route.
    #[error("the channel refuses: {reason}")]
    Refused { reason: String },
    /// It may have been.
    #[error("no answer: {reason}")]
    Unknown { reason: String },
}

/// Posts nowhere, as if all had been heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unheard;

impl Notifier for Unheard {
    async fn post(
        &self,
        _: &TeamName,
        _: &AlertRoute,
        _: &Post,
    ) -> Result<Option<String>, NotifyError> {
        Ok(None)
    }
}
