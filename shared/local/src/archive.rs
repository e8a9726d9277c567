//! An archive that is a folder.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ports::archive::{Archive, ArchiveError};

/// What a file is called until it is whole.
const UNFINISHED: &str = ".unfinished";

/// Keeps files in a folder, which is made when the first comes.
#[derive(Debug, Clone)]
pub struct FolderArchive {
    folder: PathBuf,
}

impl FolderArchive {
    /// Uses a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn put_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(bytes)?;
        fs::rename(&unfinished, &path)
    }

    fn names(&self, folder: &Path, names: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                self.names(&path, names)?;
            } else if let Ok(name) = path.strip_prefix(&self.folder) {
                let name = name.to_string_lossy().into_owned();
                if !name.ends_with(UNFINISHED) {
                    names.push(name);
                }
            }
        }
        Ok(())
    }

    fn wrong(&self, name: &str, error: &io::Error) -> ArchiveError {
        ArchiveError {
            reason: format!("{}: {error}", self.path(name).display()),
        }
    }
}

impl Archive for FolderArchive {
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        self.put_file(name, &bytes)
            .map_err(|error| self.wrong(name, &error))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        let mut names = Vec::new();
        self.names(&self.path(folder), &mut names)
            .map_err(|error| self.wrong(folder, &error))?;
        names.sort();
        Ok(names)
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.wrong(name, &error)),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
        match fs::remove_file(self.path(name)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.wrong(name, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps its folder as long as it lives.
    // The folder goes when this is dropped; nobody reads it.
    struct Temporary(FolderArchive, #[allow(dead_code)] tempfile::TempDir);

    impl Archive for Temporary {
        async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
            self.0.put(name, bytes).await
        }
        async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
            self.0.list(folder).await
        }
        async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
            self.0.get(name).await
        }
        async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
            self.0.remove(name).await
        }
    }

    #[test]
    fn a_folder_keeps_the_contract() {
        testkit::block_on(testkit::contract::archive::all(async || {
            let folder = tempfile::tempdir().unwrap();
            Temporary(FolderArchive::new(folder.path().join("history")), folder)
        }));
    }
}
