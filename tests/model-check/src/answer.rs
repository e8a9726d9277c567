//! Calls of ports, and what they answer.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::fact::Fact;
use model::id::{EmrClusterId, SubmissionId};
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::message::Function;
use model::observation::{ClusterObservation, WorkObservation};
use model::task::Place;
use ports::{Outgoing, Submission, SubmitError, Versioned, Write};

use crate::items::{Row, fingerprint};

/// A call of a port that has not been answered yet.
#[derive(Debug, Clone)]
pub enum Call {
    Read(Vec<Key>),
    Scan {
        partition: String,
        prefix: String,
        after: Option<String>,
        limit: usize,
    },
    Due(Timestamp, usize),
    Commit(Vec<Write>),
    Arrive(JoinKey, BTreeSet<Arrival>),
    Publish(Vec<Fact>),
    Send(Function, Vec<Outgoing>),
    Submit(Place, Vec<Submission>),
    Find(Place, AttemptKey),
    Describe(Vec<SubmissionId>),
    ListSteps(EmrClusterId),
    Cancel(Vec<SubmissionId>),
    DescribeCluster(EmrClusterId),
    ListClusters,
    TerminateClusters(Vec<EmrClusterId>),
}

impl Call {
    /// Whether the world may differ after it.
    pub fn has_effect(&self) -> bool {
        match self {
            Self::Read(_)
            | Self::Scan { .. }
            | Self::Due(..)
            | Self::Find(..)
            | Self::Describe(_)
            | Self::ListSteps(_)
            | Self::DescribeCluster(_)
            | Self::ListClusters => false,
            Self::Commit(_)
            | Self::Arrive(..)
            | Self::Publish(_)
            | Self::Send(..)
            | Self::Submit(..)
            | Self::Cancel(_)
            | Self::TerminateClusters(_) => true,
        }
    }

    /// Whether it only tells others something. They may hear of it any time later, so it makes no
    /// difference when it happens, only whether.
    pub fn only_tells(&self) -> bool {
        match self {
            Self::Publish(_) | Self::Send(..) => true,
            Self::Read(_)
            | Self::Scan { .. }
            | Self::Due(..)
            | Self::Find(..)
            | Self::Describe(_)
            | Self::ListSteps(_)
            | Self::DescribeCluster(_)
            | Self::ListClusters
            | Self::Commit(_)
            | Self::Arrive(..)
            | Self::Submit(..)
            | Self::Cancel(_)
            | Self::TerminateClusters(_) => false,
        }
    }

    /// The call in a few words.
    pub fn words(&self) -> String {
        let keys = |keys: &[Key]| keys.iter().map(Key::sort).collect::<Vec<_>>().join(", ");
        match self {
            Self::Read(read) => format!("reads {}", keys(read)),
            Self::Scan {
                partition, prefix, ..
            } => format!("lists {partition} {prefix}"),
            Self::Due(..) => "lists what is due".to_owned(),
            Self::Commit(writes) => {
                let written: Vec<String> = writes.iter().map(written).collect();
                format!("commits {}", written.join(", "))
            }
            Self::Arrive(key, words) => {
                let words: Vec<&str> = words.iter().map(|word| word.0.as_str()).collect();
                format!("arrives at {} with {}", key.join, words.join(" "))
            }
            Self::Publish(facts) => {
                let told = facts
                    .iter()
                    .map(|fact| format!("{} {}", fact.body.type_name(), fact.subject));
                format!("publishes {}", told.collect::<Vec<_>>().join(", "))
            }
            Self::Send(inbox, messages) => format!("sends {inbox} {}", messages.len()),
            Self::Submit(_, work) => {
                let keys = work.iter().map(|work| work.key.to_string());
                format!("submits {}", keys.collect::<Vec<_>>().join(", "))
            }
            Self::Find(_, key) => format!("looks {key} up"),
            Self::Describe(ids) => format!("describes {} submissions", ids.len()),
            Self::ListSteps(id) => format!("lists the steps of {id}"),
            Self::Cancel(ids) => {
                let ids: Vec<&str> = ids.iter().map(SubmissionId::as_str).collect();
                format!("cancels {}", ids.join(", "))
            }
            Self::DescribeCluster(id) => format!("describes {id}"),
            Self::ListClusters => "lists clusters".to_owned(),
            Self::TerminateClusters(_) => "asks for the instance's end".to_owned(),
        }
    }
}

fn written(write: &Write) -> String {
    let sort = write.key().sort();
    match write {
        Write::Delete { .. } => format!("- {sort}"),
        Write::Put { item, .. } => {
            let value: Option<serde_json::Value> = serde_json::from_str(&item.body).ok();
            let word = |name| Some(value.as_ref()?.get(name)?.as_str()?.to_owned());
            let said = word("state").or_else(|| word("holder")).unwrap_or_default();
            format!("{sort} {said}").trim_end().to_owned()
        }
    }
}

/// What a call was answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Rows(Vec<Option<Arc<Row>>>),
    /// Whether the expectations held.
    Committed(bool),
    Joined(Versioned<Join>),
    Done,
    Submitted(Vec<Result<SubmissionId, SubmitError>>),
    Work(Vec<WorkObservation>),
    Clusters(Vec<ClusterObservation>),
    /// What the clock showed.
    Now(Timestamp),
}

impl Answer {
    /// A number that stands for it.
    pub fn fingerprint(&self) -> u64 {
        match self {
            Self::Rows(rows) => fingerprint(&(0, Named(rows))),
            Self::Committed(held) => fingerprint(&(1, held)),
            Self::Joined(join) => fingerprint(&(2, join.version, format!("{join:?}"))),
            Self::Done => 3,
            Self::Submitted(answers) => fingerprint(&(4, format!("{answers:?}"))),
            Self::Work(seen) => fingerprint(&(5, format!("{seen:?}"))),
            Self::Clusters(seen) => fingerprint(&(6, format!("{seen:?}"))),
            Self::Now(instant) => fingerprint(&(7, instant)),
        }
    }
}

/// Rows with their keys.
struct Named<'a>(&'a [Option<Arc<Row>>]);

impl Hash for Named<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for row in self.0 {
            row.hash(state);
            if let Some(row) = row {
                row.stored.sort.hash(state);
            }
        }
    }
}
