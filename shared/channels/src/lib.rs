//! The channels of teams: Slack, PagerDuty and webhooks, as [`ports::Notifier`]; and who keeps traces
//! and lineage, as [`ports::Exporter`].
//!
//! One file for each channel. What a message looks like and what an answer means is pure; all that
//! goes out goes through `http`, which reaches only hosts that are allowed, follows no redirect and
//! has an end. Credentials are read when they are needed, and are in no error, log or `Debug`.
//!
//! Must not know what is posted when: that is the alert function's business. Needs a runtime of
//! tokio.

mod address;
mod answer;
mod apart;
mod exports;
mod http;
pub mod mail;
mod pagerduty;
mod secret;
mod settings;
mod slack;
mod slack_api;
mod text;
mod webhook;

use model::Timestamp;
use model::definition::{AlertChannel, AlertRoute};
use model::name::TeamName;
use model::post::Post;
use ports::{Notifier, NotifyError};
use tokio::time::Instant;

use address::{Address, Service};
use http::{Answer, Http, Outgoing};

pub use apart::Apart;
pub use exports::{Collector, Destination, ExportError, ExportSettings, Keys};
pub use http::NoCertificates;
pub use rustls::RootCertStore;
pub use secret::{Secret, Secrets};
pub use settings::{Settings, SettingsError};

/// Posts to the channels of teams, with credentials from somewhere.
pub struct Channels<S> {
    secrets: S,
    settings: Settings,
    http: Http,
    now: fn() -> Timestamp,
}

impl<S: Secrets> Channels<S> {
    /// Reads the certificates of this machine; `now` is what signatures are dated with.
    pub fn new(
        secrets: S,
        settings: Settings,
        now: fn() -> Timestamp,
    ) -> Result<Self, NoCertificates> {
        Ok(Self {
            secrets,
            settings,
            http: Http::new()?,
            now,
        })
    }

    /// The same, trusting only these authorities.
    pub fn trusting(
        secrets: S,
        settings: Settings,
        now: fn() -> Timestamp,
        roots: RootCertStore,
    ) -> Result<Self, NoCertificates> {
        Ok(Self {
            secrets,
            settings,
            http: Http::trusting(roots)?,
            now,
        })
    }

    /// Where credentials come from.
    pub fn secrets(&self) -> &S {
        &self.secrets
    }

    async fn credential(
        &self,
        team: &TeamName,
        route: &AlertRoute,
    ) -> Result<Option<Secret>, NotifyError> {
        match &route.secret {
            Some(name) => self.secrets.read(team, name).await.map(Some),
            None => Ok(None),
        }
    }

    async fn hand_over(
        &self,
        route: &AlertRoute,
        secret: Option<&Secret>,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let call = Call {
            channels: self,
            until: Instant::now() + self.settings.patience,
        };
        match route.channel {
            AlertChannel::Slack => {
                let secret = needed(secret)?;
                if slack_api::is_token(secret) {
                    slack_api::post(&call, &route.to, secret, post).await
                } else {
                    slack::post(&call, secret, post).await
                }
            }
            AlertChannel::Pagerduty => {
                pagerduty::post(&call, &route.to, needed(secret)?, post).await
            }
            AlertChannel::Webhook => webhook::post(&call, &route.to, secret, post).await,
            AlertChannel::Email => Err(refused("there is no e-mail here")),
        }
    }
}

impl<S: Secrets> Notifier for Channels<S> {
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let secret = self.credential(team, route).await?;
        let hidden = secret.as_ref().and_then(|secret| hidden(secret, post));
        let post = hidden.as_ref().unwrap_or(post);
        let answer = self.hand_over(route, secret.as_ref(), post).await;
        if let (Err(NotifyError::Refused { .. }), Some(name)) = (&answer, &route.secret) {
            // Whoever mends it is not kept waiting.
            self.secrets.forget(team, name);
        }
        match &secret {
            Some(secret) => answer.map_err(|error| secret.hide_in(error)),
            None => answer,
        }
    }
}

/// A message whose lines are of somebody's work, without the credential it is posted with.
fn hidden(secret: &Secret, post: &Post) -> Option<Post> {
    let mut post = post.clone();
    let printed = post.printed.as_mut()?;
    for line in &mut printed.lines {
        *line = secret.hide(std::mem::take(line));
    }
    Some(post)
}

/// One post, which may take more than one request.
struct Call<'a, S> {
    channels: &'a Channels<S>,
    until: Instant,
}

impl<S> Call<'_, S> {
    fn now(&self) -> Timestamp {
        (self.channels.now)()
    }

    /// Where an address leads, if it may be posted to.
    fn address(&self, service: Service, url: &str) -> Result<Address, NotifyError> {
        Address::of(&self.channels.settings, service, url).map_err(refused)
    }

    /// Posts a body once.
    async fn send(&self, to: &Address, outgoing: Outgoing) -> Result<Answer, NotifyError> {
        let sent = self.channels.http.post(to, outgoing, self.until).await;
        sent.map_err(NotifyError::from)
    }
}

fn needed(secret: Option<&Secret>) -> Result<&Secret, NotifyError> {
    secret.ok_or_else(|| refused("the route names no secret, and this channel needs one"))
}

fn refused(reason: impl Into<String>) -> NotifyError {
    let reason = reason.into();
    NotifyError::Refused { reason }
}
