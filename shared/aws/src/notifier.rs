//! The channels of teams on AWS: credentials from Secrets Manager, e-mail by SNS, and the rest as
//! everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::publish::PublishError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use channels::{Channels, NoCertificates, Secret, Secrets, mail};
use model::definition::{AlertChannel, AlertRoute, SecretReference};
use model::name::{Name, TeamName};
use model::post::Post;
use model::units::Seconds;
use ports::{Clock as _, Notifier, NotifyError, SubmitError};
use sha2::{Digest as _, Sha256};

use crate::secrets::TeamSecrets;
use crate::{Deployment, SettingsError, SystemClock, Trouble};

/// How long a credential is kept in memory.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// How long SNS or Secrets Manager may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long SNS is left alone once it throttles.
const ALONE: Seconds = Seconds(30);
/// How many bytes of the hash of an address name its topic, two digits each.
const TOPIC: usize = 6;

/// What alert is told besides what every function is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    deployment: Deployment,
    /// The topic of an address is this and the beginning of its hash.
    mail_topic_prefix: String,
    channels: channels::Settings,
}

impl NotifierSettings {
    /// Reads `MURMUR_MAIL_TOPIC_PREFIX`, and what the channels read.
    pub fn read(
        deployment: Deployment,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let prefix = get("MURMUR_MAIL_TOPIC_PREFIX").filter(|value| !value.is_empty());
        Ok(Self {
            deployment,
            mail_topic_prefix: prefix.ok_or(SettingsError::Missing("MURMUR_MAIL_TOPIC_PREFIX"))?,
            channels: channels::Settings::read(get)?,
        })
    }

    /// The topic of an address; Terraform names it the same.
    fn mail_topic(&self, address: &str) -> String {
        let hash = Sha256::digest(address);
        let hex: String = hash[..TOPIC]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}{hex}", self.mail_topic_prefix)
    }
}

/// Posts to channels.
pub struct AwsNotifier {
    topics: aws_sdk_sns::Client,
    channels: Channels<KeptSecrets>,
    settings: NotifierSettings,
}

impl AwsNotifier {
    /// Makes the clients.
    pub fn new(config: &SdkConfig, settings: NotifierSettings) -> Result<Self, NoCertificates> {
        let patience = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
        // What was not answered may have been sent; the alert function decides what that means.
        let once = RetryConfig::disabled();
        let config = config.to_builder().timeout_config(patience).build();
        let posting = config.to_builder().retry_config(once).build();
        let secrets = KeptSecrets {
            deployment: settings.deployment.clone(),
            secrets: TeamSecrets::new(&config),
            kept: Mutex::default(),
        };
        let now = || SystemClock::default().now();
        Ok(Self {
            topics: aws_sdk_sns::Client::new(&posting),
            channels: Channels::new(secrets, settings.channels.clone(), now)?,
            settings,
        })
    }

    async fn mail(&self, address: &str, post: &Post) -> Result<Option<String>, NotifyError> {
        let request = self
            .topics
            .publish()
            .topic_arn(self.settings.mail_topic(address))
            .subject(mail::subject(post))
            .message(mail::body(post));
        match Box::pin(request.send()).await {
            Ok(_) => Ok(None),
            Err(error) => Err(unsent(&error)),
        }
    }
}

impl Notifier for AwsNotifier {
    async fn post(
        &self,
        team: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        match route.channel {
            AlertChannel::Email => self.mail(&route.to, post).await,
            AlertChannel::Slack | AlertChannel::Pagerduty | AlertChannel::Webhook => {
                self.channels.post(team, route, post).await
            }
        }
    }
}

/// What an answer of SNS means.
fn unsent(error: &SdkError<PublishError, HttpResponse>) -> NotifyError {
    let trouble = Trouble::of(error);
    let reason = format!("SNS: {trouble}");
    let SdkError::ServiceError(answer) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => NotifyError::Refused { reason },
            _ => NotifyError::Unknown { reason },
        };
    };
    let is_theirs = answer.raw().status().is_server_error();
    match trouble {
        Trouble::Throttled(_) => NotifyError::Throttled {
            after: ALONE,
            reason,
        },
        _ if is_theirs => NotifyError::Unavailable { reason },
        Trouble::NoCredentials
        | Trouble::BadCredentials(_)
        | Trouble::Denied(_)
        | Trouble::Absent(_)
        | Trouble::Unreachable(_)
        | Trouble::Other(_) => NotifyError::Refused { reason },
    }
}

/// Credentials of teams, each kept for some minutes.
pub struct KeptSecrets {
    deployment: Deployment,
    secrets: TeamSecrets,
    kept: Mutex<Kept>,
}

/// Credentials by team and name, with when they were read.
type Kept = BTreeMap<(TeamName, String), (Instant, Secret)>;

impl KeptSecrets {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secrets for KeptSecrets {
    async fn read(&self, team: &TeamName, name: &str) -> Result<Secret, NotifyError> {
        let key = (team.clone(), name.to_owned());
        if let Some((at, secret)) = self.kept().get(&key)
            && at.elapsed() < KEPT
        {
            return Ok(secret.clone());
        }
        let secret = Name::new(name).map_err(|error| NotifyError::Refused {
            reason: format!("the route's secret is not named within its team: {error}"),
        })?;
        let reference = SecretReference {
            secret,
            field: None,
        };
        let wanted = BTreeSet::from([&reference]);
        let read = self.secrets.read(&self.deployment, team, wanted).await;
        let values = read.map_err(unread)?;
        let secret = Secret::new(values.get(&reference).unwrap_or_default());
        self.kept().insert(key, (Instant::now(), secret.clone()));
        Ok(secret)
    }

    fn forget(&self, team: &TeamName, name: &str) {
        self.kept().remove(&(team.clone(), name.to_owned()));
    }
}

/// Nothing was posted.
pub(crate) fn unread(error: SubmitError) -> NotifyError {
    match error {
        SubmitError::Refused { reason } => NotifyError::Refused { reason },
        SubmitError::Throttled { reason }
        | SubmitError::Gone { reason }
        | SubmitError::Unknown { reason } => NotifyError::Unavailable { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_topic_that_terraform_makes() {
        let prefix = "arn:aws:sns:eu-west-1:123456789012:prod-alert-";
        let get = |name: &str| (name == "MURMUR_MAIL_TOPIC_PREFIX").then(|| prefix.to_owned());
        let deployment: Deployment = "prod".parse().unwrap();
        let settings = NotifierSettings::read(deployment.clone(), get).unwrap();
        let topic = settings.mail_topic("duty@example.com");
        assert_eq!(topic, format!("{prefix}c0d211b76863"));
        let missing = NotifierSettings::read(deployment, |_| None);
        assert_eq!(
            missing,
            Err(SettingsError::Missing("MURMUR_MAIL_TOPIC_PREFIX"))
        );
    }
}
