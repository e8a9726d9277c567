//! archive-facts: keeps what has ended as Parquet, for analysis.
//!
//! Optional, and a stranger to the other functions: its inbox subscribes to the topic as anyone's may,
//! and it touches no state. A batch becomes one file for each table, day and team. Once a day it is told
//! to merge the files of the days that are over.
//!
//! Safe to repeat: names and bytes of files follow from facts. A batch that comes again replaces its
//! files; facts that come again in another batch stand in two files, which are merged, and counted once
//! by whoever reads before.

use std::collections::{BTreeMap, BTreeSet};

use history::{Partition, Row, Table, by_partition, closed_days, merged};
use model::fact::Fact;
use model::message::Message;
use ports::archive::{Archive, ArchiveError};
use ports::{Clock, Delivery, Verdict};

/// Handles a batch.
pub async fn handle(
    archive: &impl Archive,
    clock: &impl Clock,
    batch: Vec<Delivery>,
) -> Vec<Verdict> {
    let mut facts = Vec::new();
    let mut verdicts = Vec::with_capacity(batch.len());
    for delivery in batch {
        verdicts.push(match delivery.message {
            Message::Fact(fact) => {
                facts.push((verdicts.len(), fact));
                Verdict::Done
            }
            Message::Sweep => match merge_closed(archive, clock).await {
                Ok(()) => Verdict::Done,
                Err(error) => Verdict::Failed(error.to_string()),
            },
            Message::Tick(_)
            | Message::Work(_)
            | Message::Cluster(_)
            | Message::Event(_)
            | Message::Start(_)
            | Message::Drain(_)
            | Message::Alert(_) => Verdict::Poison("archive-facts takes facts".to_owned()),
        });
    }
    let kept = keep(archive, facts.iter().map(|(_, fact)| fact)).await;
    for (position, fact) in &facts {
        let partition = Row::of(fact).map(|(partition, _)| partition);
        if let Some(Err(error)) = partition.and_then(|partition| kept.get(&partition)) {
            verdicts[*position] = Verdict::Failed(error.to_string());
        }
    }
    verdicts
}

/// Puts facts into files, one for each partition; says how each went. Facts that end nothing are none of
/// its business.
pub async fn keep<'a>(
    archive: &impl Archive,
    facts: impl IntoIterator<Item = &'a Fact>,
) -> BTreeMap<Partition, Result<(), ArchiveError>> {
    let mut kept = BTreeMap::new();
    for (partition, rows) in by_partition(facts) {
        let bytes = history::write(partition.table, &rows);
        let put = archive.put(&partition.facts_file(&rows), bytes).await;
        kept.insert(partition, put);
    }
    kept
}

/// Why files could not be merged; those there were are still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmerged {
    Archive(ArchiveError),
    /// Somebody else merges, too: what was listed is gone.
    Gone { name: String },
    Unreadable { name: String, reason: String },
}

impl std::fmt::Display for Unmerged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Archive(error) => write!(f, "{error}"),
            Self::Gone { name } => write!(f, "{name} is gone: it is merged by somebody else"),
            Self::Unreadable { name, reason } => write!(f, "{name}: {reason}"),
        }
    }
}

impl std::error::Error for Unmerged {}

impl From<ArchiveError> for Unmerged {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

/// Makes one file of all that lie in a partition; says whether there were several.
///
/// The merged file is put before the others are removed, so that a crash in between leaves rows twice,
/// never not at all; a repeat makes the same file again and removes what is left.
pub async fn merge(archive: &impl Archive, partition: &Partition) -> Result<bool, Unmerged> {
    let listed = archive.list(&partition.to_string()).await?;
    let names: Vec<String> = listed
        .into_iter()
        .filter(|name| Partition::of(name).as_ref() == Some(partition))
        .collect();
    if names.len() < 2 {
        return Ok(false);
    }
    let mut rows = Vec::new();
    for name in &names {
        let Some(bytes) = archive.get(name).await? else {
            return Err(Unmerged::Gone { name: name.clone() });
        };
        let read = history::read(partition.table, bytes);
        rows.extend(read.map_err(|error| Unmerged::Unreadable {
            name: name.clone(),
            reason: error.to_string(),
        })?);
    }
    let rows = merged(rows);
    let whole = partition.merged_file(&rows);
    archive
        .put(&whole, history::write(partition.table, &rows))
        .await?;
    for name in names.iter().filter(|name| **name != whole) {
        archive.remove(name).await?;
    }
    Ok(true)
}

/// Merges the files of the days that are over.
async fn merge_closed(archive: &impl Archive, clock: &impl Clock) -> Result<(), Unmerged> {
    for day in closed_days(clock.now()) {
        for table in Table::ALL {
            let folder = format!("{}/date={day}/", table.name());
            let names = archive.list(&folder).await?;
            let partitions: BTreeSet<Partition> =
                names.iter().filter_map(|name| Partition::of(name)).collect();
            for partition in partitions {
                merge(archive, &partition).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
