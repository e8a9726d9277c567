//! A zip with one program in it, the same bytes whenever the program is the same.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Result;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What Lambda starts.
const NAME: &str = "bootstrap";

/// How hard to press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    Fastest,
    Smallest,
}

/// Packs a program; replaces the zip only when it is whole.
pub fn write(program: &Path, zip: &Path, effort: Effort) -> Result<()> {
    let level = match effort {
        Effort::Fastest => 1,
        Effort::Smallest => 9,
    };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        // The first instant a zip can tell: nobody is to see when it was made.
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let unfinished = zip.with_extension("unfinished");
    let mut writer = ZipWriter::new(File::create(&unfinished)?);
    writer.start_file(NAME, options)?;
    std::io::copy(&mut File::open(program)?, &mut writer)?;
    writer.finish()?.sync_all()?;
    fs::rename(unfinished, zip)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_same_program_is_the_same_zip_whenever_it_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let mut zips = Vec::new();
        for (number, days) in [(1, 20_000), (2, 20_001)] {
            fs::write(&program, b"code ".repeat(10_000)).unwrap();
            let file = File::options().write(true).open(&program).unwrap();
            let built_at = UNIX_EPOCH + Duration::from_secs(days * 86_400);
            file.set_modified(built_at).unwrap();
            let zip = folder.path().join(format!("{number}.zip"));
            write(&program, &zip, Effort::Smallest).unwrap();
            zips.push(fs::read(zip).unwrap());
        }
        assert_eq!(zips[0], zips[1]);
        fs::write(&program, b"other code").unwrap();
        let zip = folder.path().join("other.zip");
        write(&program, &zip, Effort::Smallest).unwrap();
        assert_ne!(zips[0], fs::read(zip).unwrap());
    }

    #[test]
    fn lambda_finds_a_program_it_may_start() {
        let folder = tempfile::tempdir().unwrap();
        let (program, zip) = (folder.path().join("operate"), folder.path().join("a.zip"));
        fs::write(&program, "code").unwrap();
        for effort in [Effort::Fastest, Effort::Smallest] {
            write(&program, &zip, effort).unwrap();
            let mut archive = zip::ZipArchive::new(File::open(&zip).unwrap()).unwrap();
            assert_eq!(archive.len(), 1);
            let mut file = archive.by_name("bootstrap").unwrap();
            assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
            let mut code = String::new();
            file.read_to_string(&mut code).unwrap();
            assert_eq!(code, "code");
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "nothing unfinished is left");
    }
}
