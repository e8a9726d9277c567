//! What work printed last, for alert: the ends of files that the compute writes.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use model::id::EmrClusterId;
use model::post::Link;
use ports::printouts::END;
use ports::{Printout, Printouts, Submitted};

use super::logs;

/// Reads them in a data folder.
#[derive(Debug, Clone)]
pub struct LocalPrintouts {
    data: PathBuf,
}

impl LocalPrintouts {
    /// Reads in a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// The end of the first process that printed anything: of its stderr, or else of its stdout.
    fn read(&self, attempt: &Submitted) -> io::Result<Option<String>> {
        for log in logs::of_attempt(&self.data, &attempt.key)? {
            if log.submission != attempt.id {
                continue;
            }
            for path in [&log.stderr, &log.stdout] {
                let end = end_of(path)?;
                if !end.trim().is_empty() {
                    return Ok(Some(end));
                }
            }
        }
        Ok(None)
    }
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END as u64)))?;
    let mut end = Vec::new();
    file.take(END as u64).read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}

impl Printouts for LocalPrintouts {
    async fn end_of(&self, attempt: &Submitted, links_only: bool) -> Printout {
        if links_only {
            return Printout::default();
        }
        let (end, missing) = match self.read(attempt) {
            Ok(Some(end)) => (end, None),
            Ok(None) => (String::new(), Some("it printed nothing".to_owned())),
            Err(error) => (String::new(), Some(error.to_string())),
        };
        Printout {
            end,
            missing,
            ..Printout::default()
        }
    }

    fn links_of(&self, _: &EmrClusterId) -> Vec<Link> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::directory::WorkDirectory;
    use model::attempt::AttemptKey;
    use model::task::Place;

    #[test]
    fn the_end_of_stderr_is_read_or_else_of_stdout() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = Submitted {
            key: AttemptKey {
                run: "team--flow--slot".into(),
                task: "clean".parse().unwrap(),
                generation: 1,
                attempt: 1,
            },
            place: Place::Queue("light".into()),
            id: "job-1".into(),
        };
        let printouts = LocalPrintouts::new(folder.path());
        let read = |links_only| testkit::block_on(printouts.end_of(&attempt, links_only));
        let nothing = Some("it printed nothing".to_owned());
        assert_eq!(read(false).missing, nothing);
        let directory = WorkDirectory::of(folder.path(), &attempt.key, &attempt.id, None);
        std::fs::create_dir_all(directory.stdout().parent().unwrap()).unwrap();
        std::fs::write(directory.stdout(), "out\n").unwrap();
        std::fs::write(directory.stderr(), "").unwrap();
        assert_eq!(read(false).end, "out\n");
        let long = format!("{}last\n", "x\n".repeat(100_000));
        std::fs::write(directory.stderr(), &long).unwrap();
        let end = read(false).end;
        assert!(long.ends_with(&end) && end.len() == END, "{}", end.len());
        assert_eq!(read(true), Printout::default());
    }
}
