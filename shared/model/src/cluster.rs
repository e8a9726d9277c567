//! The registry of clusters: one item per instance (rule 13).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::id::{DefinitionHash, EmrClusterId};
use crate::key::Key;
use crate::name::{ClusterRef, Name, TeamName};
use crate::record::Record;
use crate::text::written_as_text;
use crate::units::Seconds;

/// Identifies an instance: the cluster, its window, and the how-manieth try of that window.
/// Written `<team>--<cluster>--<window start>--<ordinal>`; it is the EMR cluster's name and tag,
/// so its events are attributed even when they overtake our own write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    pub cluster: ClusterRef,
    pub window_start: Timestamp,
    /// 1 for the first, counting replacements.
    pub ordinal: u32,
}

/// Says that an EMR cluster's name was not given by murmur.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instance key")]
pub struct NotAnInstanceKey(pub String);

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cluster.team.as_str())?;
        f.write_str("--")?;
        f.write_str(self.cluster.name.as_str())?;
        f.write_str("--")?;
        f.write_str(&compact(self.window_start))?;
        write!(f, "--{}", self.ordinal)
    }
}

impl FromStr for InstanceKey {
    type Err = NotAnInstanceKey;

    fn from_str(text: &str) -> Result<Self, NotAnInstanceKey> {
        let read = || {
            let mut parts = text.split("--");
            let team = TeamName::new(parts.next()?).ok()?;
            let name = Name::new(parts.next()?).ok()?;
            let window_start = read_compact(parts.next()?)?;
            let ordinal = parts.next()?.parse().ok()?;
            let key = Self {
                cluster: ClusterRef::new(team, name),
                window_start,
                ordinal,
            };
            (key.to_string() == text).then_some(key)
        };
        read().ok_or_else(|| NotAnInstanceKey(text.into()))
    }
}

written_as_text!(InstanceKey);

/// Writes an instant as `20260301t051500z`. By hand, since an instance is named in every submission
/// and every observation of its work.
fn compact(instant: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(instant);
    let pairs = [
        at.year() / 100,
        at.year() % 100,
        at.month().into(),
        at.day().into(),
        at.hour().into(),
        at.minute().into(),
        at.second().into(),
    ];
    let mut text = String::with_capacity(16);
    for (position, pair) in pairs.iter().enumerate() {
        if position == 4 {
            text.push('t');
        }
        let digits = [pair / 10, pair % 10].map(|digit| u8::try_from(digit.rem_euclid(10)));
        text.extend(
            digits
                .into_iter()
                .flatten()
                .map(|digit| char::from(b'0' + digit)),
        );
    }
    text.push('z');
    text
}

/// Reads what `compact` writes.
fn read_compact(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('z')?.split_once('t')?;
    let is_digits =
        |text: &str, length| text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
    if !is_digits(date, 8) || !is_digits(time, 6) {
        return None;
    }
    let pair = |text: &str, at: usize| text[at..at + 2].parse::<i8>().ok();
    let at = DateTime::new(
        date[..4].parse().ok()?,
        pair(date, 4)?,
        pair(date, 6)?,
        pair(time, 0)?,
        pair(time, 2)?,
        pair(time, 4)?,
        0,
    );
    TimeZone::UTC.to_timestamp(at.ok()?).ok()
}

/// An instance's item. It pins its definition, window end and drain, so it ends even if its file
/// is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub instance: InstanceKey,
    pub team: TeamName,
    pub cluster: Name,
    pub state: InstanceState,
    pub definition: DefinitionHash,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Steps that run at once.
    pub step_concurrency: u32,
    pub window_start: Timestamp,
    /// The terminate instant of the window.
    pub window_end: Timestamp,
    /// Until when open work may go on.
    pub drain_until: Timestamp,
    /// Claims of the RunJobFlow call, counted.
    pub epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The first id committed *is* the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EmrClusterId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    pub requested_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When reconcile looks at it: soon while it has open work, at its window's end otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// After how long without work that is told, in seconds.
    #[serde(default = "idle_after")]
    pub idle_after: Seconds,
    #[serde(default, skip_serializing_if = "Waste::is_none")]
    pub waste: Waste,
}

/// What was found of an instance that costs more than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waste {
    /// Since when it has been ready without open work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<Timestamp>,
    /// Whether that it is idle was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle_told: bool,
    /// Whether that it outlives its drain was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaked_told: bool,
}

impl Waste {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// After how long without work an instance is told of, where its cluster does not say.
pub const IDLE_AFTER: Seconds = Seconds::hours(1);

fn idle_after() -> Seconds {
    IDLE_AFTER
}

/// Where an instance is; it only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Claimed; whether EMR has it is not known yet.
    Requested,
    Starting,
    /// Takes work.
    Ready,
    /// Takes no new work; open work goes on until the drain deadline.
    Draining,
    Terminating,
    Terminated,
    /// Ended with errors, or never came up.
    Failed,
}

impl InstanceState {
    /// Orders states; the rank never falls.
    pub fn rank(self) -> u8 {
        match self {
            Self::Requested => 0,
            Self::Starting => 1,
            Self::Ready => 2,
            Self::Draining => 3,
            Self::Terminating => 4,
            Self::Terminated | Self::Failed => 5,
        }
    }

    /// Whether it has ended.
    pub fn is_terminal(self) -> bool {
        self.rank() == Self::Failed.rank()
    }
}

/// Where an instance can be reached now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// The cluster's stable name, where the deployment gives one; it leads to the newest instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub master_dns: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// Ports by application, such as `presto: 8889`.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
}

impl Record for Instance {
    const KIND: &'static str = "instance";
    fn key(&self) -> Key {
        Key::Instance(self.instance.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.due_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_reads_back_from_its_emr_name() {
        let text = "weather--overnight-etl--20260301t050000z--2";
        let key: InstanceKey = text.parse().unwrap();
        assert_eq!(key.cluster.to_string(), "weather/overnight-etl");
        assert_eq!(key.window_start.to_string(), "2026-03-01T05:00:00Z");
        assert_eq!(key.to_string(), text);
        for foreign in [
            "Development Cluster",
            "a--b--c--1",
            "a--b--20260301t050000z--01",
        ] {
            assert!(foreign.parse::<InstanceKey>().is_err(), "{foreign}");
        }
    }
}
