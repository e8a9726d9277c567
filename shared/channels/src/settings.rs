//! What a deployment says about its channels.

use std::collections::BTreeSet;
use std::time::Duration;

/// How long a post may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where may be posted, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Hosts that the channel `webhook` may post to; names without port.
    pub webhook_hosts: BTreeSet<String>,
    /// Where Slack is reached instead, for tests: an address without path.
    pub slack: Option<String>,
    /// Where PagerDuty is reached instead.
    pub pagerduty: Option<String>,
    /// Where every webhook is reached instead; its host must be allowed all the same.
    pub webhook: Option<String>,
    pub patience: Duration,
}

/// A setting is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is wrong: it is no address such as https://localhost:8080")]
pub struct SettingsError(&'static str);

impl Default for Settings {
    fn default() -> Self {
        Self {
            webhook_hosts: BTreeSet::new(),
            slack: None,
            pagerduty: None,
            webhook: None,
            patience: PATIENCE,
        }
    }
}

impl Settings {
    /// Reads settings by the names of environment variables: `MURMUR_WEBHOOK_HOSTS`, names of hosts
    /// with commas between them; and for tests, as the AWS SDK has it for its services,
    /// `MURMUR_ENDPOINT_URL_SLACK`, `MURMUR_ENDPOINT_URL_PAGERDUTY` and
    /// `MURMUR_ENDPOINT_URL_WEBHOOK`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let hosts = get("MURMUR_WEBHOOK_HOSTS").unwrap_or_default();
        let endpoint = |name: &'static str| {
            let set = get(name).filter(|value| !value.is_empty());
            let is_wrong = |address: &String| address.parse::<hyper::Uri>().is_err();
            if set.as_ref().is_some_and(is_wrong) {
                return Err(SettingsError(name));
            }
            Ok(set)
        };
        Ok(Self {
            webhook_hosts: Self::hosts(hosts.split(',')),
            slack: endpoint("MURMUR_ENDPOINT_URL_SLACK")?,
            pagerduty: endpoint("MURMUR_ENDPOINT_URL_PAGERDUTY")?,
            webhook: endpoint("MURMUR_ENDPOINT_URL_WEBHOOK")?,
            patience: PATIENCE,
        })
    }

    /// Names of hosts as they are compared.
    pub fn hosts<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let names = names.into_iter().map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(str::to_ascii_lowercase)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_listed_and_services_are_reached_where_they_are() {
        let read = |variables: &[(&str, &str)]| {
            Settings::read(|name| {
                let mut all = variables.iter();
                let found = all.find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(read(&[]), Ok(Settings::default()));
        let read_all = read(&[
            ("MURMUR_WEBHOOK_HOSTS", "hooks.example.com, Other.example,"),
            ("MURMUR_ENDPOINT_URL_SLACK", "http://127.0.0.1:1"),
        ]);
        let settings = read_all.unwrap();
        let hosts: Vec<&str> = settings.webhook_hosts.iter().map(String::as_str).collect();
        assert_eq!(hosts, ["hooks.example.com", "other.example"]);
        assert_eq!(settings.slack.as_deref(), Some("http://127.0.0.1:1"));
        let wrong = read(&[("MURMUR_ENDPOINT_URL_WEBHOOK", "no address")]);
        assert_eq!(wrong, Err(SettingsError("MURMUR_ENDPOINT_URL_WEBHOOK")));
    }
}
