//! archive-facts on Lambda: an inbox, a bucket and the time.

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use ports::{Delivery, Verdict};

use super::LambdaInbox;
use super::entry::{begin, variable};
use crate::{Deployment, S3Archive, SettingsError, SystemClock};

/// The name its folder, Lambda, queue, role and log group share.
const NAME: &str = "archive-facts";

/// What it is told: `MURMUR_DEPLOYMENT`, `MURMUR_QUEUE_URL_PREFIX`, and as `MURMUR_HISTORY_BUCKET`
/// where history is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ArchiveSettings {
    deployment: Deployment,
    queue_url: String,
    bucket: String,
}

impl ArchiveSettings {
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let needed = |name: &'static str| get(name).ok_or(SettingsError::Missing(name));
        Ok(Self {
            deployment: needed("MURMUR_DEPLOYMENT")?.parse()?,
            queue_url: format!("{}{NAME}", needed("MURMUR_QUEUE_URL_PREFIX")?),
            bucket: needed("MURMUR_HISTORY_BUCKET")?,
        })
    }
}

/// Runs archive-facts, until Lambda ends the process.
pub fn archive(
    handle: impl AsyncFn(&S3Archive, &SystemClock, Vec<Delivery>) -> Vec<Verdict>,
) -> ExitCode {
    begin(NAME, async {
        let settings = ArchiveSettings::read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let archive = S3Archive::new(aws_sdk_s3::Client::new(&config), settings.bucket);
        let clock = SystemClock::default();
        let inbox = LambdaInbox::new(
            settings.deployment,
            aws_sdk_sqs::Client::new(&config),
            &settings.queue_url,
            format!("{}-dead-letters", settings.queue_url),
        );
        inbox
            .serve(async |batch| handle(&archive, &clock, batch).await)
            .await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_its_inbox_and_a_bucket_and_nothing_else() {
        let variables = [
            ("MURMUR_DEPLOYMENT", "prod"),
            ("MURMUR_QUEUE_URL_PREFIX", "https://sqs/1/prod-"),
            ("MURMUR_HISTORY_BUCKET", "prod-history"),
        ];
        let get = |without: &str, name: &str| {
            let mut variables = variables.iter().filter(|(one, _)| *one != without);
            let found = variables.find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let read = ArchiveSettings::read(|name| get("", name)).unwrap();
        assert_eq!(read.queue_url, "https://sqs/1/prod-archive-facts");
        for (missing, _) in variables {
            let read = ArchiveSettings::read(|name| get(missing, name));
            assert_eq!(read, Err(SettingsError::Missing(missing)));
        }
    }
}
