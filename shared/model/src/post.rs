//! What is posted where people read: one message about one incident, or a digest of several.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Root, Severity};
use crate::name::TeamName;

/// A message as plain text in parts; whoever posts it lays it out and escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The same for everything about one incident until it is resolved; at most 255 characters.
    pub dedup_key: String,
    pub kind: PostKind,
    /// An earlier try may have been seen.
    pub repeated: bool,
    /// The message this one is about, as the channel gave it.
    pub reference: Option<String>,
    pub severity: Severity,
    pub team: TeamName,
    /// One line.
    pub title: String,
    /// What a person asks first, in order: label and value.
    pub fields: Vec<(String, String)>,
    /// What went wrong, a line each, and how many more there are.
    pub lines: Vec<String>,
    pub omitted: u32,
    /// The last lines that the work printed which failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<Printed>,
    /// Command lines that look closer or mend it.
    pub commands: Vec<String>,
    /// Where to look in a browser.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// It is worse than what was told last: where an edit calls nobody, people are to be called.
    #[serde(default)]
    pub worse: bool,
    /// When it began.
    pub at: Timestamp,
    /// The incidents it is about; several in a digest.
    pub about: Vec<About>,
}

/// What work printed last, without what looks like a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// Whose lines they are.
    pub by: String,
    /// The oldest first; a few of them, each a line without control characters.
    pub lines: Vec<String>,
    /// Why there are none, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// An address for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub label: String,
    /// Begins with `https://`.
    pub url: String,
}

/// What a message says of one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub incident: Root,
    pub opening: u32,
    pub kind: PostKind,
}

/// What a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostKind {
    /// The first of an incident.
    Opened,
    /// More, or worse, of what was told.
    Changed,
    /// All is well again.
    Resolved,
    /// Several at once, some opened and some resolved.
    Digest,
}
