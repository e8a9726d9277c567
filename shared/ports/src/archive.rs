//! A place for files that are written once and read by programs that are not murmur's.

/// Keeps files under names such as `runs/date=2026-03-01/team=weather/facts-1a2b.parquet`.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Archive {
    /// Puts a file, whole or not at all; whatever had that name is replaced.
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError>;

    /// The names that begin with `folder`, which ends with `/`, in order.
    async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError>;

    /// Reads a file; `None` when it is not there (any more).
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError>;

    /// Removes a file; one that is not there is removed already.
    async fn remove(&self, name: &str) -> Result<(), ArchiveError>;
}

/// The archive did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the archive is unavailable: {reason}")]
pub struct ArchiveError {
    pub reason: String,
}
