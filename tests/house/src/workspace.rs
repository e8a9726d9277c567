//! The workspace as cargo sees it.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// A crate of the workspace.
pub struct Crate {
    pub name: String,
    /// Relative to the root, with `/`.
    pub folder: String,
    pub edges: Vec<Edge>,
}

/// One line of a crate's dependencies.
pub struct Edge {
    pub to: To,
    pub by: By,
}

/// What of a crate imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All of it.
    Whole,
    /// What a feature adds.
    Feature,
    /// Its tests.
    Tests,
}

/// What is imported.
pub enum To {
    /// A crate of the workspace, by its folder.
    House(String),
    Library(String),
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    tests
        .and_then(Path::parent)
        .expect("this crate is in tests/house")
        .to_owned()
}

/// Reads every crate with its edges. Needs neither a network nor the libraries themselves.
pub fn crates() -> Vec<Crate> {
    let mut command = MetadataCommand::new();
    let metadata = command
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .expect("cargo reads the manifests of this workspace");
    metadata
        .packages
        .iter()
        .map(|package| of(&metadata, package))
        .collect()
}

fn of(metadata: &Metadata, package: &cargo_metadata::Package) -> Crate {
    let relative = |path: &cargo_metadata::camino::Utf8Path| {
        let inside = path.strip_prefix(&metadata.workspace_root);
        inside
            .expect("crates of the workspace are inside it")
            .as_str()
            .replace('\\', "/")
    };
    let manifest = &package.manifest_path;
    let folder = manifest.parent().expect("a manifest lies in a folder");
    let edges = package.dependencies.iter().map(|dependency| Edge {
        to: match &dependency.path {
            Some(path) => To::House(relative(path)),
            None => To::Library(dependency.name.clone()),
        },
        by: match dependency.kind {
            DependencyKind::Development => By::Tests,
            _ if dependency.optional => By::Feature,
            _ => By::Whole,
        },
    });
    Crate {
        name: package.name.to_string(),
        folder: relative(folder),
        edges: edges.collect(),
    }
}
