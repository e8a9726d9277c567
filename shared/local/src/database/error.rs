//! What can be wrong with a data folder, in words that say what to do.

use std::path::{Path, PathBuf};

use ports::{BusError, CommitError, StoreError};
use rusqlite::ErrorCode;

/// A data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("{folder} holds no murmur data; start an engine there first")]
    NoData { folder: PathBuf },
    #[error("cannot use {path}: {reason}; give write permission, or choose another data folder")]
    Folder { path: PathBuf, reason: String },
    #[error("cannot open the database {path}: {reason}")]
    Open { path: PathBuf, reason: String },
    #[error("{path} is a database, but not one of murmur's; choose another data folder")]
    Foreign { path: PathBuf },
    #[error(
        "{path} was written by another version of murmur (its layout is {found}, this one knows {known}); use that version, or a new data folder"
    )]
    Version {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error(
        "another engine works on {folder}: process {holder}; stop it, or choose another folder"
    )]
    Taken { folder: PathBuf, holder: String },
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl DataError {
    pub(super) fn open(path: &Path, source: rusqlite::Error) -> Self {
        Self::Open {
            path: path.into(),
            reason: explain(&source),
        }
    }

    pub(super) fn folder(path: &Path, source: &std::io::Error) -> Self {
        Self::Folder {
            path: path.into(),
            reason: source.to_string(),
        }
    }
}

/// The database did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Another process is writing; nothing happened.
    #[error("{reason}")]
    Busy { reason: String },
    /// The open group is lost; what was committed before is safe.
    #[error("{reason}")]
    Lost { reason: String },
    #[error("{path} was opened for reading only")]
    ReadOnly { path: PathBuf },
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable {
            reason: failure.to_string(),
        }
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}

impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.to_string(),
        }
    }
}

/// Says what SQLite's error means and what helps.
pub(crate) fn explain(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full; free some space and start again",
        Some(ErrorCode::ReadOnly) => "it is read-only; give write permission",
        Some(ErrorCode::CannotOpen) => {
            "the folder cannot be written to, or is none; give write permission or choose another"
        }
        Some(ErrorCode::PermissionDenied) => "permission is denied",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged or no database; put a copy back, or move it away to begin anew"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has been writing for too long"
        }
        Some(ErrorCode::SystemIoFailure) => "the disk failed to read or write",
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
