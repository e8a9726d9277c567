//! Where the output of an attempt lies.

use std::io;
use std::path::{Path, PathBuf};

use model::attempt::AttemptKey;
use model::id::SubmissionId;

use super::directory::WorkDirectory;

/// The output of one process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptLog {
    pub submission: SubmissionId,
    /// The index of a child of an array job.
    pub child: Option<u32>,
    pub stdout: PathBuf,
    pub stderr: PathBuf,
}

/// Finds the output of every process an attempt has had, in order; none when it never ran.
pub fn of_attempt(data: &Path, key: &AttemptKey) -> io::Result<Vec<AttemptLog>> {
    let folder = data.join("work").join(key.to_string());
    let mut logs = Vec::new();
    for submission in folder_names(&folder)? {
        let id = SubmissionId::from(submission.as_str());
        let mut children: Vec<Option<u32>> = folder_names(&folder.join(&submission))?
            .iter()
            .map(|name| name.parse().ok())
            .filter(Option::is_some)
            .collect();
        if children.is_empty() {
            children.push(None);
        }
        logs.extend(children.into_iter().map(|child| {
            let directory = WorkDirectory::of(data, key, &id, child);
            AttemptLog {
                submission: id.clone(),
                child,
                stdout: directory.stdout(),
                stderr: directory.stderr(),
            }
        }));
    }
    logs.sort();
    Ok(logs)
}

fn folder_names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
