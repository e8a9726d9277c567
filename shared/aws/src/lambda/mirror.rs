//! mirror-facts on Lambda: an inbox and a bus to show facts on, and no other port.

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use ports::{Delivery, Verdict};

use super::LambdaInbox;
use super::entry::{begin, variable};
use crate::{Deployment, EventBridgeMirror, SettingsError};

/// The name its folder, Lambda, queue, role and log group share.
const NAME: &str = "mirror-facts";

/// What it is told: `MURMUR_DEPLOYMENT`, `MURMUR_QUEUE_URL_PREFIX`, and as `MURMUR_MIRROR_BUS` the
/// bus, by name or ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MirrorSettings {
    deployment: Deployment,
    queue_url: String,
    bus: String,
}

impl MirrorSettings {
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let needed = |name: &'static str| get(name).ok_or(SettingsError::Missing(name));
        Ok(Self {
            deployment: needed("MURMUR_DEPLOYMENT")?.parse()?,
            queue_url: format!("{}{NAME}", needed("MURMUR_QUEUE_URL_PREFIX")?),
            bus: needed("MURMUR_MIRROR_BUS")?,
        })
    }
}

/// Runs mirror-facts, until Lambda ends the process.
pub fn mirror(handle: impl AsyncFn(&EventBridgeMirror, Vec<Delivery>) -> Vec<Verdict>) -> ExitCode {
    begin(NAME, async {
        let settings = MirrorSettings::read(variable)?;
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let buses = aws_sdk_eventbridge::Client::new(&config);
        let mirror = EventBridgeMirror::new(buses, settings.bus, &settings.deployment);
        let inbox = LambdaInbox::new(
            settings.deployment,
            aws_sdk_sqs::Client::new(&config),
            &settings.queue_url,
            format!("{}-dead-letters", settings.queue_url),
        );
        inbox
            .serve(async |batch| handle(&mirror, batch).await)
            .await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_its_inbox_and_a_bus_and_nothing_else() {
        let variables = [
            ("MURMUR_DEPLOYMENT", "prod"),
            ("MURMUR_QUEUE_URL_PREFIX", "https://sqs/1/prod-"),
            ("MURMUR_MIRROR_BUS", "prod-facts"),
        ];
        let get = |without: &str, name: &str| {
            let mut variables = variables.iter().filter(|(one, _)| *one != without);
            let found = variables.find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let read = MirrorSettings::read(|name| get("", name)).unwrap();
        assert_eq!(read.queue_url, "https://sqs/1/prod-mirror-facts");
        for (missing, _) in variables {
            let read = MirrorSettings::read(|name| get(missing, name));
            assert_eq!(read, Err(SettingsError::Missing(missing)));
        }
    }
}
