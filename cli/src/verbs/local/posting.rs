//! Where alerts go on this machine: a line on stderr, and the real channels where local.yaml knows
//! their credentials.
//!
//! Channels are posted to on a thread of their own; the engine goes on meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use channels::{Apart, Channels, NoCertificates, Secret, Secrets, Settings};
use local::compute::{AlertConfiguration, Credential};
use model::definition::{AlertChannel, AlertRoute};
use model::name::TeamName;
use model::post::{Post, PostKind};
use ports::{Notifier, NotifyError};

use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::progress;

/// Posts to the terminal and to channels.
pub struct Posting {
    /// None where nothing is known of any channel.
    channels: Option<Apart>,
    /// Credentials that are known, by `<team>/<name>`.
    known: BTreeSet<String>,
}

impl Posting {
    /// Begins; starts the thread where there is something for it to do.
    pub fn begin(configuration: &AlertConfiguration) -> Result<Self, Failure> {
        if configuration == &AlertConfiguration::default() {
            return Ok(Self {
                channels: None,
                known: BTreeSet::new(),
            });
        }
        let endpoint = |name: &str| configuration.endpoints.get(name).cloned();
        let settings = Settings {
            webhook_hosts: Settings::hosts(configuration.webhook_hosts.iter().map(String::as_str)),
            slack: endpoint("slack"),
            pagerduty: endpoint("pagerduty"),
            webhook: endpoint("webhook"),
            ..Settings::default()
        };
        let secrets = LocalSecrets(configuration.secrets.clone());
        let cannot = || Failure::trouble("cannot post to channels");
        let channels = Channels::new(secrets, settings, crate::present::now)
            .map_err(|error: NoCertificates| cannot().because(error))?;
        let channels = Apart::begin(channels).map_err(|error| cannot().because(error))?;
        Ok(Self {
            channels: Some(channels),
            known: configuration.secrets.keys().cloned().collect(),
        })
    }
}

impl Posting {
    /// Whether a route leads anywhere but to the terminal.
    fn knows(&self, team: &TeamName, route: &AlertRoute) -> bool {
        match (route.channel, &route.secret) {
            (AlertChannel::Email, _) => false,
            (_, Some(secret)) => self.known.contains(&format!("{team}/{secret}")),
            (AlertChannel::Webhook, None) => true,
            (AlertChannel::Slack | AlertChannel::Pagerduty, None) => false,
        }
    }
}

impl Notifier for Posting {
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        progress::line(&line(route, post));
        let Some(channels) = self.channels.as_ref().filter(|_| self.knows(team, route)) else {
            return Ok(None);
        };
        let result = channels.post(team, route, post).await;
        if let Err(error) = &result {
            let what = format!("{} {}: {error}", route.channel.word(), route.to);
            progress::line(&format!("{}  {what}", Paint::Waiting.text("not told")));
        }
        result
    }
}

/// A message as a line of the terminal.
fn line(route: &AlertRoute, post: &Post) -> String {
    let paint = match post.kind {
        PostKind::Opened | PostKind::Changed | PostKind::Digest => Paint::Bad,
        PostKind::Resolved => Paint::Good,
    };
    let again = if post.repeated { " (again)" } else { "" };
    let title: String = post.title.chars().map(readable).collect();
    let to = format!("to {} {}", route.channel.word(), route.to);
    format!(
        "{}{again} {title} {}",
        paint.text("alert"),
        Paint::Faint.text(&to)
    )
}

fn readable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// Credentials of local.yaml, by `<team>/<name>`.
struct LocalSecrets(BTreeMap<String, Credential>);

impl Secrets for LocalSecrets {
    async fn read(&self, team: &TeamName, name: &str) -> Result<Secret, NotifyError> {
        let key = format!("{team}/{name}");
        let refused = |reason: String| NotifyError::Refused { reason };
        let credential = self.0.get(&key).ok_or_else(|| {
            refused(format!(
                "there is no secret `{key}` in local.yaml under `alerts`"
            ))
        })?;
        let value = credential.read().ok_or_else(|| {
            refused(format!(
                "the secret `{key}` is {credential:?}, which is not set"
            ))
        })?;
        Ok(Secret::new(&value))
    }

    fn forget(&self, _: &TeamName, _: &str) {}
}
