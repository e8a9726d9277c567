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

/// How many bytes of files are merged into one: what fits into a function's memory as rows.
const LARGE: usize = 8 * 1024 * 1024;

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

/// Why files could not be merged; no row is lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmerged {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What was listed is gone.
    #[error("{name} is gone: somebody else merges it, too")]
    Gone { name: String },
    #[error("{name}: {reason}")]
    Unreadable { name: String, reason: String },
}

/// Makes one file of those that lie in a partition; of more than `most` bytes together it makes several.
///
/// A merged file is put before the others are removed, so that a crash in between leaves rows twice,
/// never not at all; a repeat makes the same file again and removes what is left.
pub async fn merge(
    archive: &impl Archive,
    partition: &Partition,
    most: usize,
) -> Result<(), Unmerged> {
    let listed = archive.list(&partition.to_string()).await?;
    let mut names = listed
        .into_iter()
        .filter(|name| Partition::of(name).as_ref() == Some(partition))
        .peekable();
    while names.peek().is_some() {
        let (mut group, mut rows, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < most
            && let Some(name) = names.next()
        {
            let Some(file) = archive.get(&name).await? else {
                return Err(Unmerged::Gone { name });
            };
            bytes += file.len();
            let read = history::read(partition.table, file);
            rows.extend(read.map_err(|error| Unmerged::Unreadable {
                name: name.clone(),
                reason: error.to_string(),
            })?);
            group.push(name);
        }
        if group.len() < 2 {
            continue;
        }
        let rows = merged(rows);
        let whole = partition.merged_file(&rows);
        let file = history::write(partition.table, &rows);
        archive.put(&whole, file).await?;
        for name in group.iter().filter(|name| **name != whole) {
            archive.remove(name).await?;
        }
    }
    Ok(())
}

/// Merges the files of the days that are over.
async fn merge_closed(archive: &impl Archive, clock: &impl Clock) -> Result<(), Unmerged> {
    for day in closed_days(clock.now()) {
        for table in Table::ALL {
            let folder = format!("{}/date={day}/", table.name());
            let names = archive.list(&folder).await?;
            let partitions: BTreeSet<Partition> = names
                .iter()
                .filter_map(|name| Partition::of(name))
                .collect();
            for partition in partitions {
                merge(archive, &partition, LARGE).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
