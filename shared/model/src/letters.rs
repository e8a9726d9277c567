//! What is known of the dead letters of a deployment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::message::Function;
use crate::name::TeamName;
use crate::record::Record;

/// The team whose routes hear of what is nobody's own: it is the platform's, if it has a folder.
const PLATFORM: &str = "murmur";

/// The team of who runs the deployment.
pub fn platform() -> TeamName {
    TeamName::new(PLATFORM).expect("it is a name")
}

/// Inboxes of which messages were ever set aside; one item, since there are few.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Letters {
    #[serde(default)]
    pub inboxes: BTreeMap<Function, SetAside>,
}

/// The newest time that messages of an inbox were set aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// Whose message one of them was; the platform's where it does not say.
    pub team: TeamName,
    /// When they were first seen, and how many there were.
    pub since: Timestamp,
    pub letters: u32,
    /// Why that one was set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When none was left any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
    /// Whether this was published.
    #[serde(default)]
    pub told: bool,
}

impl Record for Letters {
    const KIND: &'static str = "letters";
    fn key(&self) -> Key {
        Key::Letters
    }
}
