//! What the program is told when it is started.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use local::compute::LocalConfiguration;

/// Stands in for EMR and AWS Batch on this machine, until its input ends.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "stand-in")]
pub struct Options {
    /// Where it listens on 127.0.0.1; any free port when 0. The first line it prints is its URL.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Where it keeps its memory, and the output of all work.
    #[arg(long)]
    pub data: PathBuf,
    /// How this machine runs work, as `murmur local` reads it; paths count from its folder.
    #[arg(long)]
    pub configuration: Option<PathBuf>,
    /// Where EventBridge is; without it no events are told.
    #[arg(long)]
    pub events: Option<String>,
    #[arg(long, default_value = "default")]
    pub bus: String,
    /// The source of EMR's events; EventBridge refuses `aws.emr` from anybody but AWS.
    #[arg(long, default_value = "standin.emr")]
    pub emr_source: String,
    /// The source of Batch's events.
    #[arg(long, default_value = "standin.batch")]
    pub batch_source: String,
    /// Who says whether a caller may do what it asks, by URL; everybody may when there is none.
    #[arg(long)]
    pub authorizer: Option<String>,
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    #[arg(long, default_value = "000000000000")]
    pub account: String,
}

impl Options {
    /// Reads the configuration of the local compute.
    pub fn read_configuration(&self) -> Result<LocalConfiguration> {
        let Some(path) = &self.configuration else {
            let data = std::path::absolute(&self.data)?;
            return Ok(LocalConfiguration::default().relative_to(&data));
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let configuration: LocalConfiguration = serde_saphyr::from_str(&text)
            .with_context(|| format!("{} is not a local configuration", path.display()))?;
        let folder = std::path::absolute(path)?;
        Ok(configuration.relative_to(folder.parent().unwrap_or(Path::new("/"))))
    }
}
