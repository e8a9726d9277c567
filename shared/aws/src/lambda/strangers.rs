//! archive-facts and mirror-facts on Lambda: strangers that subscribe to the topic as anyone may. Each
//! has an inbox, and one thing of its own to put facts into, and no other port.

use std::process::ExitCode;

use aws_config::{BehaviorVersion, SdkConfig};
use ports::{Delivery, Verdict};

use super::LambdaInbox;
use super::entry::{begin, variable};
use crate::{Deployment, EventBridgeMirror, SettingsError};
#[cfg(feature = "archive")]
use crate::{S3Archive, SystemClock};

/// A stranger: the name its folder, Lambda, queue, role and log group share, and the variable that
/// names what it puts facts into.
struct Stranger {
    name: &'static str,
    into: &'static str,
}

/// `MURMUR_HISTORY_BUCKET` is the bucket, by name.
#[cfg(feature = "archive")]
const ARCHIVE: Stranger = Stranger {
    name: "archive-facts",
    into: "MURMUR_HISTORY_BUCKET",
};

/// `MURMUR_MIRROR_BUS` is the bus, by name or ARN.
const MIRROR: Stranger = Stranger {
    name: "mirror-facts",
    into: "MURMUR_MIRROR_BUS",
};

/// Runs archive-facts, until Lambda ends the process.
#[cfg(feature = "archive")]
pub fn archive(
    handle: impl AsyncFn(&S3Archive, &SystemClock, Vec<Delivery>) -> Vec<Verdict>,
) -> ExitCode {
    begin(ARCHIVE.name, async {
        let told = ARCHIVE.read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let inbox = told.inbox(&config);
        let archive = S3Archive::new(aws_sdk_s3::Client::new(&config), told.into);
        let clock = SystemClock::default();
        inbox
            .serve(async |batch| handle(&archive, &clock, batch).await)
            .await
    })
}

/// Runs mirror-facts, until Lambda ends the process.
pub fn mirror(handle: impl AsyncFn(&EventBridgeMirror, Vec<Delivery>) -> Vec<Verdict>) -> ExitCode {
    begin(MIRROR.name, async {
        let told = MIRROR.read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let inbox = told.inbox(&config);
        let buses = aws_sdk_eventbridge::Client::new(&config);
        let mirror = EventBridgeMirror::new(buses, told.into, &told.deployment);
        inbox
            .serve(async |batch| handle(&mirror, batch).await)
            .await
    })
}

impl Stranger {
    /// Reads what it is told: `MURMUR_DEPLOYMENT`, `MURMUR_QUEUE_URL_PREFIX`, and its own variable.
    fn read(&self, get: impl Fn(&str) -> Option<String>) -> Result<Told, SettingsError> {
        let needed = |name: &'static str| get(name).ok_or(SettingsError::Missing(name));
        Ok(Told {
            deployment: needed("MURMUR_DEPLOYMENT")?.parse()?,
            queue_url: format!("{}{}", needed("MURMUR_QUEUE_URL_PREFIX")?, self.name),
            into: needed(self.into)?,
        })
    }
}

/// What a stranger is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    deployment: Deployment,
    queue_url: String,
    into: String,
}

impl Told {
    fn inbox(&self, config: &SdkConfig) -> LambdaInbox {
        LambdaInbox::new(
            self.deployment.clone(),
            aws_sdk_sqs::Client::new(config),
            &self.queue_url,
            format!("{}-dead-letters", self.queue_url),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_needs_its_inbox_and_what_is_its_own_and_nothing_else() {
        for stranger in [
            #[cfg(feature = "archive")]
            ARCHIVE,
            MIRROR,
        ] {
            let variables = [
                ("MURMUR_DEPLOYMENT", "prod"),
                ("MURMUR_QUEUE_URL_PREFIX", "https://sqs/1/prod-"),
                (stranger.into, "prod-own"),
            ];
            let read = |without: &str| {
                stranger.read(|name| {
                    let mut variables = variables.iter().filter(|(one, _)| *one != without);
                    let found = variables.find(|(one, _)| *one == name);
                    found.map(|(_, value)| (*value).to_owned())
                })
            };
            let told = read("").unwrap();
            let queue = format!("https://sqs/1/prod-{}", stranger.name);
            assert_eq!((told.queue_url, told.into.as_str()), (queue, "prod-own"));
            for (missing, _) in variables {
                assert_eq!(read(missing), Err(SettingsError::Missing(missing)));
            }
        }
    }
}
