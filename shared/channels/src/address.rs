//! Where may be posted: https, hosts that are allowed, and nothing else. Pure.

use hyper::Uri;

use crate::Settings;

/// Whose addresses these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Slack,
    Pagerduty,
    Webhook,
}

/// Hosts of Slack and PagerDuty.
const SLACK: [&str; 2] = ["hooks.slack.com", "slack.com"];
const PAGERDUTY: [&str; 2] = ["events.eu.pagerduty.com", "events.pagerduty.com"];

/// Names of this machine.
const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

/// An address that may be posted to. It may be a secret, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub is_tls: bool,
    pub host: String,
    pub port: u16,
    /// What the request says as its host.
    pub authority: String,
    pub path: String,
}

impl Address {
    /// Reads an address; an error says what is wrong with it, and not its path.
    pub fn of(settings: &Settings, service: Service, url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "this is no address".to_owned())?;
        if uri.scheme_str() != Some("https") {
            return Err("the address does not begin with https://".to_owned());
        }
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let is_allowed = match service {
            Service::Slack => SLACK.contains(&host.as_str()),
            Service::Pagerduty => PAGERDUTY.contains(&host.as_str()),
            Service::Webhook => settings.webhook_hosts.contains(&host),
        };
        if !is_allowed {
            return Err(format!(
                "the host `{host}` is not one that may be posted to"
            ));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let is_bare = authority.eq_ignore_ascii_case(&host);
        if !is_bare && !authority.eq_ignore_ascii_case(&format!("{host}:443")) {
            return Err(format!(
                "the address of `{host}` has a user or another port than 443"
            ));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let instead = match service {
            Service::Slack => &settings.slack,
            Service::Pagerduty => &settings.pagerduty,
            Service::Webhook => &settings.webhook,
        };
        let there = Self {
            is_tls: true,
            port: 443,
            authority: host.clone(),
            path: path.to_owned(),
            host,
        };
        match instead {
            Some(instead) => there.instead(instead),
            None => Ok(there),
        }
    }

    /// A service by its base URL, with a path added: https anywhere, http on this machine.
    pub fn of_service(url: &str, path: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "it is no address".to_owned())?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if HERE.contains(&host.as_str()) => false,
            _ => {
                let what = "it does not begin with https://, and is not this machine";
                return Err(what.to_owned());
            }
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') || uri.query().is_some() {
            return Err("it has a user or a query".to_owned());
        }
        Ok(Self {
            is_tls,
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.to_owned(),
            path: format!("{}{path}", uri.path().trim_end_matches('/')),
            host,
        })
    }

    /// The same path elsewhere.
    pub fn instead(self, url: &str) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|_| "the endpoint that is set is no address")?;
        let is_tls = uri.scheme_str() != Some("http");
        Ok(Self {
            is_tls,
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            webhook_hosts: Settings::hosts(["hooks.example.com"]),
            ..Settings::default()
        }
    }

    #[test]
    fn only_https_to_hosts_that_are_allowed() {
        use Service::{Pagerduty, Slack, Webhook};
        let good = [
            (Slack, "https://hooks.slack.com/services/T/B/x"),
            (Slack, "https://slack.com/api/chat.postMessage"),
            (Pagerduty, "https://events.eu.pagerduty.com/v2/enqueue"),
            (Webhook, "https://HOOKS.example.com/in?a=b"),
            (Webhook, "https://hooks.example.com:443"),
        ];
        for (service, url) in good {
            let address = Address::of(&settings(), service, url);
            assert!(address.is_ok_and(|it| it.is_tls && it.port == 443), "{url}");
        }
        let bad = [
            (Slack, "http://hooks.slack.com/services/T/B/canary"),
            (Slack, "https://hooks.slack.com.evil.example/canary"),
            (Slack, "https://hooks.slack.com@evil.example/canary"),
            (Slack, "https://evil.example/hooks.slack.com/canary"),
            (Slack, "https://user@hooks.slack.com/canary"),
            (Slack, "https://hooks.slack.com:8443/canary"),
            (Slack, "canary"),
            (Slack, "https://events.pagerduty.com/canary"),
            (Pagerduty, "https://slack.com/canary"),
            (Webhook, "https://slack.com/canary"),
            (Webhook, "https://127.0.0.1/canary"),
            (Webhook, "https://[::1]/canary"),
            (Webhook, "https://169.254.169.254/canary"),
            (Webhook, "ftp://hooks.example.com/canary"),
            (Webhook, "/canary"),
        ];
        for (service, url) in bad {
            let error = Address::of(&settings(), service, url).err();
            let error = error.unwrap_or_else(|| panic!("{url}"));
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_service_is_reached_by_https_or_on_this_machine() {
        let good = [
            ("https://otlp.example.com", true, 443, "/x"),
            ("https://otlp.example.com:4318/base/", true, 4318, "/base/x"),
            ("http://localhost:4318", false, 4318, "/x"),
            ("http://127.0.0.1", false, 80, "/x"),
        ];
        for (url, is_tls, port, path) in good {
            let it = Address::of_service(url, "/x").unwrap();
            assert_eq!((it.is_tls, it.port, it.path.as_str()), (is_tls, port, path));
        }
        let bad = [
            "http://otlp.example.com",
            "http://localhost.example.com",
            "http://169.254.169.254",
            "https://user@otlp.example.com",
            "https://otlp.example.com/?a=b",
            "otlp.example.com:4318",
            "",
        ];
        for url in bad {
            assert!(Address::of_service(url, "/x").is_err(), "{url}");
        }
    }

    #[test]
    fn tests_reach_a_service_elsewhere_by_the_settings_alone() {
        let settings = Settings {
            slack: Some("http://127.0.0.1:81".to_owned()),
            ..settings()
        };
        let url = "https://hooks.slack.com/services/T";
        let address = Address::of(&settings, Service::Slack, url).unwrap();
        assert_eq!((address.is_tls, address.port), (false, 81));
        assert_eq!(address.host, "127.0.0.1");
        assert_eq!(address.authority, "hooks.slack.com");
        assert_eq!(address.path, "/services/T");
        let elsewhere = "https://evil.example/services/T";
        assert!(Address::of(&settings, Service::Slack, elsewhere).is_err());
    }
}
