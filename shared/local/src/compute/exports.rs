//! What a machine says about where traces and lineage go.
//!
//! Here because it is in the same file; nothing in the compute reads it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::alerts::Credential;

/// Where traces and lineage go; nowhere unless it is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfiguration {
    pub traces: ExportDestination,
    pub lineage: ExportDestination,
}

/// Where one kind of document goes: to a service, into a file, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportDestination {
    /// Base URL of a service: https, or http on this machine.
    pub url: Option<String>,
    /// For traces headers, as OTEL_EXPORTER_OTLP_HEADERS has them; for lineage an API key.
    pub secret: Option<Credential>,
    /// A file that gets a line of JSON for each document.
    pub file: Option<PathBuf>,
}

impl ExportConfiguration {
    /// Takes relative paths from a directory.
    pub(super) fn relative_to(&mut self, base: &Path) {
        for one in [&mut self.traces, &mut self.lineage] {
            one.file = one.file.take().map(|file| base.join(file));
        }
    }
}
