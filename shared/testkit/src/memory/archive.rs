//! An archive in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ports::archive::{Archive, ArchiveError};

use super::lock;

/// Keeps files until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryArchive {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// How many more calls are answered; all when absent.
    answers: Option<usize>,
}

impl MemoryArchive {
    /// Answers so many more calls, and then none until it is told otherwise.
    pub fn fail_after(&self, answers: Option<usize>) {
        lock(&self.state).answers = answers;
    }

    /// The files there are, by name.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.state).files.clone()
    }

    fn call<T>(
        &self,
        call: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
    ) -> Result<T, ArchiveError> {
        let mut state = lock(&self.state);
        match &mut state.answers {
            Some(0) => Err(ArchiveError {
                reason: "it was made to fail".into(),
            }),
            answers => {
                if let Some(left) = answers {
                    *left -= 1;
                }
                Ok(call(&mut state.files))
            }
        }
    }
}

impl Archive for MemoryArchive {
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        self.call(|files| {
            files.insert(name.to_owned(), bytes);
        })
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        self.call(|files| {
            let names = files.keys().filter(|name| name.starts_with(folder));
            names.cloned().collect()
        })
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.call(|files| files.get(name).cloned())
    }

    async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
        self.call(|files| {
            files.remove(name);
        })
    }
}
