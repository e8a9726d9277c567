//! What a machine says about the channels of teams: credentials, and which hosts may be posted to.
//!
//! Here because it is in the same file; nothing in the compute reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where alerts are posted besides the terminal; nowhere unless there is a secret or a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfiguration {
    /// Credentials by `<team>/<name>`, which routes name as `secret: <name>`.
    pub secrets: BTreeMap<String, Credential>,
    /// Hosts that the channel `webhook` may post to.
    pub webhook_hosts: BTreeSet<String>,
    /// Where services are reached instead, for tests: `slack`, `pagerduty`, `webhook`.
    pub endpoints: BTreeMap<String, String>,
}

/// A credential, or the environment variable that holds it: `{ env: SLACK_TOKEN }`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Credential {
    Environment { env: String },
    Value(String),
}

impl Credential {
    /// Reads it; `None` when there is no such variable.
    pub fn read(&self) -> Option<String> {
        match self {
            Self::Environment { env } => std::env::var(env).ok(),
            Self::Value(value) => Some(value.clone()),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { env } => write!(f, "the variable {env}"),
            Self::Value(_) => f.write_str("[secret]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_not_shown() {
        let text =
            r#"{ "secrets": { "weather/slack": "canary", "weather/duty": { "env": "DUTY" } } }"#;
        let read: AlertConfiguration = serde_json::from_str(text).unwrap();
        let shown = format!("{read:?}");
        assert!(
            !shown.contains("canary") && shown.contains("DUTY"),
            "{shown}"
        );
        let value = read.secrets["weather/slack"].read();
        assert_eq!(value.as_deref(), Some("canary"));
    }
}
