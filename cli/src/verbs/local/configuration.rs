//! The local configuration: what a machine says about itself, in `local.yaml`.

use std::path::{Path, PathBuf};

use clap::Args;
use local::compute::LocalConfiguration;

use crate::exit::Failure;
use crate::output::note;
use crate::output::paint::Paint;

/// The largest file that is read.
const MOST_BYTES: u64 = 1_000_000;

/// Where the local configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigurationFile {
    /// How this machine stands in for EMR, Batch and S3 [default: local.yaml beside the folder of
    /// definitions, if there is one]
    #[arg(
        long,
        env = "MURMUR_LOCAL",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
}

impl ConfigurationFile {
    /// Reads it; paths in it count from its own folder.
    pub fn read(&self, events: &Path, data: &Path) -> Result<LocalConfiguration, Failure> {
        let beside = events.parent().unwrap_or(Path::new("")).join("local.yaml");
        let path = match &self.config {
            Some(path) => path.clone(),
            None if beside.is_file() => beside,
            None => {
                note(&Paint::Faint.text(&format!(
                    "there is no local configuration ({}); s3:// lies in {}",
                    beside.display(),
                    data.join("storage").display()
                )));
                return Ok(LocalConfiguration::default().relative_to(&absolute(data)?));
            }
        };
        let configuration = read(&path)?;
        let folder = absolute(&path)?;
        Ok(configuration.relative_to(folder.parent().unwrap_or(Path::new("/"))))
    }
}

fn read(path: &Path) -> Result<LocalConfiguration, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {shown}")),
        _ => Failure::trouble(format!("cannot read {shown}")).because(error),
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
        return Err(Failure::usage(format!(
            "{shown} is too large for a local configuration"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    if text.trim().is_empty() {
        return Ok(LocalConfiguration::default());
    }
    serde_saphyr::from_str(&text)
        .map_err(|error| Failure::usage(format!("{shown} is not a local configuration:\n{error}")))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::trouble("cannot tell the present folder").because(error))
}
