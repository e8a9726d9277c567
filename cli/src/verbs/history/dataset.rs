//! The history of a data folder: facts that the engine kept become files when somebody asks.
//!
//! Whoever asks brings it up to date first, one at a time. How far it has come is written down last, so
//! that after a crash the same facts are taken again, and stand in the same files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ::history::Partition;
use archive_facts::{keep, merge};
use local::{FolderArchive, Reader};

use crate::exit::Failure;
use crate::output::note;
use crate::target::block_on;
use crate::target::local::refused;

/// The folder within the data folder.
const FOLDER: &str = "history";
/// Up to which position facts are in files.
const POSITION: &str = "position";
/// How many facts become files at once.
const PAGE: usize = 50_000;

/// Brings a data folder's history up to date; says where it is.
pub fn up_to_date(data: &Path) -> Result<PathBuf, Failure> {
    let reader = Reader::open(data).map_err(|error| refused(error, data))?;
    let folder = data.join(FOLDER);
    let wrong = |error: std::io::Error| {
        Failure::trouble(format!("cannot write to {}", folder.display())).because(error)
    };
    fs::create_dir_all(&folder).map_err(wrong)?;
    let lock = File::create(folder.join("lock")).map_err(wrong)?;
    lock.lock().map_err(wrong)?;
    let begun = position(&reader, &folder)?;
    let archive = FolderArchive::new(&folder);
    let reached = block_on(bring(&reader, &archive, begun))?;
    if reached != begun {
        let unfinished = folder.join(format!("{POSITION}.unfinished"));
        fs::write(&unfinished, reached.to_string()).map_err(wrong)?;
        fs::rename(unfinished, folder.join(POSITION)).map_err(wrong)?;
    }
    Ok(folder)
}

/// How far history has come; 0 where the data is not what it was made of.
fn position(reader: &Reader, folder: &Path) -> Result<i64, Failure> {
    let written = fs::read_to_string(folder.join(POSITION)).unwrap_or_default();
    let written: i64 = written.trim().parse().unwrap_or(0);
    let there = reader.ended(written - 1, 1).map_err(unreadable)?;
    let known = there
        .first()
        .is_some_and(|(position, _)| *position == written);
    Ok(if known { written } else { 0 })
}

/// Makes files of all facts after a position; says up to which.
async fn bring(reader: &Reader, archive: &FolderArchive, from: i64) -> Result<i64, Failure> {
    let mut position = from;
    let mut partitions: BTreeSet<Partition> = BTreeSet::new();
    loop {
        let page = reader.ended(position, PAGE).map_err(unreadable)?;
        let Some((last, _)) = page.last() else { break };
        position = *last;
        let unread = page.iter().filter(|(_, fact)| fact.is_none()).count();
        if unread > 0 {
            note(&format!(
                "warning: {unread} facts cannot be read, and are not in history"
            ));
        }
        let facts = page.iter().filter_map(|(_, fact)| fact.as_ref());
        for (partition, kept) in keep(archive, facts).await {
            kept.map_err(|error| Failure::trouble("cannot keep history").because(error))?;
            partitions.insert(partition);
        }
    }
    for partition in &partitions {
        let merged = merge(archive, partition, usize::MAX).await;
        merged.map_err(|error| Failure::trouble("cannot keep history").because(error))?;
    }
    Ok(position)
}

fn unreadable(error: local::Failure) -> Failure {
    Failure::trouble("cannot use the data folder").because(error)
}
