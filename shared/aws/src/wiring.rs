//! The ports a function is given on AWS, and the settings they come from.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use model::message::Function;
use ports::{ContentCache, Ports};

use crate::clock::SystemClock;
use crate::compute::EmrSettings;
use crate::{DynamoStateStore, EmrBatchCompute, SnsSqsBus};

/// Where a deployment keeps what functions reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub table: String,
    pub topic_arn: String,
    /// The inboxes by URL; a function needs those it sends to.
    pub queue_urls: BTreeMap<Function, String>,
    pub emr: EmrSettings,
}

/// A setting is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingSetting(pub &'static str);

impl Settings {
    /// Reads settings by the names of environment variables.
    ///
    /// `MURMUR_TABLE`, `MURMUR_TOPIC_ARN`, `MURMUR_QUEUE_URL_PREFIX` (an inbox is this and its
    /// function's name), `MURMUR_EMR_SERVICE_ROLE`, `MURMUR_EMR_INSTANCE_PROFILE`, and where
    /// clusters name none themselves, `MURMUR_EMR_SUBNET` and `MURMUR_EMR_LOG_URI`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, MissingSetting> {
        let optional = |name: &str| get(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| optional(name).ok_or(MissingSetting(name));
        let prefix = needed("MURMUR_QUEUE_URL_PREFIX")?;
        let inbox = |function: Function| (function, format!("{prefix}{function}"));
        Ok(Self {
            table: needed("MURMUR_TABLE")?,
            topic_arn: needed("MURMUR_TOPIC_ARN")?,
            queue_urls: Function::ALL.map(inbox).into(),
            emr: EmrSettings {
                service_role: needed("MURMUR_EMR_SERVICE_ROLE")?,
                instance_profile: needed("MURMUR_EMR_INSTANCE_PROFILE")?,
                subnet: optional("MURMUR_EMR_SUBNET"),
                log_uri: optional("MURMUR_EMR_LOG_URI"),
            },
        })
    }
}

/// State, bus, compute and clock on AWS.
pub struct AwsPorts {
    store: DynamoStateStore,
    bus: SnsSqsBus,
    compute: EmrBatchCompute,
    clock: SystemClock,
    cache: ContentCache,
}

impl AwsPorts {
    /// Makes the clients. Each service's endpoint can be set on its own, as the SDK has it
    /// (`AWS_ENDPOINT_URL_EMR` and so on).
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let topics = aws_sdk_sns::Client::new(config);
        let queues = aws_sdk_sqs::Client::new(config);
        let emr = aws_sdk_emr::Client::new(config);
        let batch = aws_sdk_batch::Client::new(config);
        Self {
            store: DynamoStateStore::new(aws_sdk_dynamodb::Client::new(config), settings.table),
            bus: SnsSqsBus::new(topics, queues, settings.topic_arn, settings.queue_urls),
            compute: EmrBatchCompute::new(emr, batch, settings.emr),
            clock: SystemClock::default(),
            cache: ContentCache::default(),
        }
    }
}

impl Ports for AwsPorts {
    type Store = DynamoStateStore;
    type Bus = SnsSqsBus;
    type Compute = EmrBatchCompute;
    type Clock = SystemClock;

    fn store(&self) -> &DynamoStateStore {
        &self.store
    }
    fn bus(&self) -> &SnsSqsBus {
        &self.bus
    }
    fn compute(&self) -> &EmrBatchCompute {
        &self.compute
    }
    fn clock(&self) -> &SystemClock {
        &self.clock
    }
    fn cache(&self) -> &ContentCache {
        &self.cache
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 5] = [
        ("MURMUR_QUEUE_URL_PREFIX", "https://sqs/1/murmur-"),
        ("MURMUR_TABLE", "murmur"),
        ("MURMUR_TOPIC_ARN", "arn:aws:sns:eu-west-1:1:murmur-events"),
        ("MURMUR_EMR_SERVICE_ROLE", "service"),
        ("MURMUR_EMR_INSTANCE_PROFILE", "machines"),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Settings, MissingSetting> {
        Settings::read(|name| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_inbox_is_known_by_its_functions_name() {
        let settings = read(&NEEDED).unwrap();
        assert_eq!(settings.queue_urls.len(), Function::ALL.len());
        let url = &settings.queue_urls[&Function::SubmitTask];
        assert_eq!(url, "https://sqs/1/murmur-submit-task");
        assert_eq!(settings.emr.subnet, None);
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        for (name, _) in NEEDED {
            let mut without: Vec<_> = NEEDED.into_iter().filter(|(one, _)| *one != name).collect();
            assert_eq!(read(&without).unwrap_err().0, name);
            without.push((name, ""));
            assert_eq!(read(&without).unwrap_err().0, name);
        }
    }
}
