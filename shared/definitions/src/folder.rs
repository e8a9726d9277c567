//! Reads the files of `events/` from disk; the only I/O of this crate.
//!
//! Never reads a file whole before knowing its size, never opens what is not a file (opening a pipe
//! would hang), and never goes deeper than definitions lie, so a link to a parent folder ends.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::source::{Content, MOST_BYTES, SourceFile};

/// `events/<team>/workflows/<name>.yaml`, and one more to find what lies too deep.
const DEEPEST: usize = 4;
/// More files than any set has; somebody named the wrong folder.
const MOST_FILES: usize = 100_000;

/// Why a folder was not read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("cannot read the folder {}", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the name of {} is not UTF-8", .path.display())]
    NotText { path: PathBuf },
    #[error("{} holds more than {MOST_FILES} files; is it the folder of the definitions?", .path.display())]
    TooMany { path: PathBuf },
}

/// Reads every file under a folder, by path; hidden ones and the checked-in JSON Schemas are left
/// out. What is wrong with single files is for `check` to say.
pub fn read_folder(folder: &Path) -> Result<Vec<SourceFile>, FolderError> {
    let mut paths = Vec::new();
    list(folder, 1, &mut paths)?;
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let content = read(&path);
            let shown = path
                .to_str()
                .ok_or_else(|| FolderError::NotText { path: path.clone() })?;
            let path = shown.replace(std::path::MAIN_SEPARATOR, "/");
            Ok(SourceFile { path, content })
        })
        .collect()
}

fn list(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let unreadable = |source| FolderError::Unreadable {
        path: folder.into(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.ends_with(".schema.json") {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                list(&path, depth + 1, paths)?;
            }
        } else {
            paths.push(path);
        }
        if paths.len() > MOST_FILES {
            return Err(FolderError::TooMany {
                path: folder.into(),
            });
        }
    }
    Ok(())
}

fn read(path: &Path) -> Content {
    let attempt = || {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(Content::Unreadable {
                reason: "it is not a file".into(),
            });
        }
        if metadata.len() > MOST_BYTES {
            return Ok(Content::TooLarge {
                bytes: metadata.len(),
            });
        }
        let mut bytes = Vec::new();
        // It may have grown since, or be a device without a size.
        let read = File::open(path)?
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)? as u64;
        Ok(if read > MOST_BYTES {
            Content::TooLarge { bytes: read }
        } else {
            Content::Bytes(bytes)
        })
    };
    attempt().unwrap_or_else(|error: std::io::Error| Content::Unreadable {
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_path_and_large_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("events");
        fs::create_dir_all(events.join("weather/workflows")).unwrap();
        fs::create_dir_all(events.join("schema")).unwrap();
        fs::write(events.join("weather/team.yaml"), "description: x").unwrap();
        fs::write(events.join("weather/.draft.yaml"), "x").unwrap();
        fs::write(events.join("schema/team.schema.json"), "{}").unwrap();
        let large = File::create(events.join("weather/workflows/large.yaml")).unwrap();
        large.set_len(50 * 1024 * 1024).unwrap();

        let files = read_folder(&events).unwrap();
        let names: Vec<&str> = files
            .iter()
            .map(|file| file.path.split_once("events/").unwrap().1)
            .collect();
        assert_eq!(names, ["weather/team.yaml", "weather/workflows/large.yaml"]);
        assert_eq!(files[0].content, Content::Bytes(b"description: x".to_vec()));
        assert_eq!(
            files[1].content,
            Content::TooLarge {
                bytes: 50 * 1024 * 1024
            }
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_folder(&folder.path().join("nowhere")).unwrap_err();
        assert!(matches!(error, FolderError::Unreadable { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_parent_folder_and_a_broken_link_end() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("team.yaml")).unwrap();
        let files = read_folder(folder.path()).unwrap();
        assert_eq!(files.len(), DEEPEST);
        assert!(matches!(files[0].content, Content::Unreadable { .. }));
    }
}
