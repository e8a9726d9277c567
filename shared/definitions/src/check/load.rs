//! Files become written definitions, by address.

use std::collections::BTreeMap;

use model::name::{ClusterRef, TeamName, WorkflowRef};

use super::secret;
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::Read;
use crate::source::{Address, AddressError, Content, MOST_BYTES, Source, SourceFile, Span};
use crate::written::{Cluster, Team, Workflow};
use crate::yaml;

/// Everything that is written.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) teams: BTreeMap<TeamName, Loaded<Team>>,
    pub(crate) clusters: BTreeMap<ClusterRef, Loaded<Cluster>>,
    pub(crate) workflows: BTreeMap<WorkflowRef, Loaded<Workflow>>,
}

/// A definition that is known to be there.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) file: usize,
    /// `None` when it could not be read.
    pub(crate) written: Option<T>,
}

impl<T> Loaded<T> {
    /// The file as a whole.
    pub(crate) fn whole(&self) -> Span {
        whole(self.file)
    }
}

fn whole(file: usize) -> Span {
    Span {
        file,
        start: 0,
        end: 0,
    }
}

/// Takes the texts of files; those that are no text are empty.
pub(super) fn sources(files: &[SourceFile]) -> Vec<Source<'_>> {
    let text = |file| text_of(file).unwrap_or_default();
    files
        .iter()
        .map(|file| Source::new(&file.path, text(file)))
        .collect()
}

fn text_of(file: &SourceFile) -> Option<&str> {
    match &file.content {
        Content::Bytes(bytes) if bytes.len() as u64 <= MOST_BYTES && !bytes.contains(&0) => {
            std::str::from_utf8(bytes).ok()
        }
        Content::Bytes(_) | Content::TooLarge { .. } | Content::Unreadable { .. } => None,
    }
}

/// Reads every file.
pub(super) fn load(files: &[SourceFile], findings: &mut Findings<'_>) -> Set {
    let mut set = Set::default();
    for (position, file) in files.iter().enumerate() {
        match Address::of(&file.path) {
            Err(error) => misplaced(position, file, &error, findings),
            Ok(Address::Team(name)) => add(&mut set.teams, name, position, file, findings),
            Ok(Address::Cluster(name)) => add(&mut set.clusters, name, position, file, findings),
            Ok(Address::Workflow(name)) => {
                add(&mut set.workflows, name, position, file, findings);
            }
        }
    }
    set
}

fn misplaced(
    position: usize,
    file: &SourceFile,
    error: &AddressError,
    findings: &mut Findings<'_>,
) {
    match error {
        AddressError::Unknown => {
            let help = if file.path.ends_with(".yml") {
                "name it `.yaml`".to_owned()
            } else {
                "definitions are <team>/team.yaml, <team>/clusters/<name>.yaml and \
                 <team>/workflows/<name>.yaml"
                    .to_owned()
            };
            let message = "this file defines nothing";
            findings
                .warning(Code::UnknownFile, whole(position), message)
                .help(help);
        }
        AddressError::Name(_) | AddressError::Reserved => {
            findings
                .error(Code::BadName, whole(position), error.to_string())
                .help("the names of files and folders are the names of what they define");
        }
    }
}

fn add<K: Ord, T: Read>(
    definitions: &mut BTreeMap<K, Loaded<T>>,
    name: K,
    position: usize,
    file: &SourceFile,
    findings: &mut Findings<'_>,
) {
    let written = read(position, file, findings);
    if let Some(first) = definitions.get(&name) {
        let message = format!("{} defines the same", findings.sources[first.file].path);
        findings
            .error(Code::DuplicateFile, whole(position), message)
            .help("remove one of the two files");
        return;
    }
    definitions.insert(
        name,
        Loaded {
            file: position,
            written,
        },
    );
}

fn read<T: Read>(position: usize, file: &SourceFile, findings: &mut Findings<'_>) -> Option<T> {
    if text_of(file).is_none() {
        unusable(position, file, findings);
        return None;
    }
    secret::check_text(position, findings);
    let tree = yaml::parse(position, findings)?;
    secret::check_tree(&tree, findings);
    T::read(&tree, findings)
}

fn unusable(position: usize, file: &SourceFile, findings: &mut Findings<'_>) {
    let at = whole(position);
    let too_large = |bytes: u64, findings: &mut Findings<'_>| {
        let message = format!("the file has {bytes} bytes; at most {MOST_BYTES} are read");
        findings
            .error(Code::FileTooLarge, at, message)
            .help("split the workflow, or make tasks of the same kind with `for_each`");
    };
    match &file.content {
        Content::TooLarge { bytes } => too_large(*bytes, findings),
        Content::Unreadable { reason } => {
            let message = format!("the file cannot be read: {reason}");
            findings.error(Code::FileUnreadable, at, message);
        }
        Content::Bytes(bytes) if bytes.len() as u64 > MOST_BYTES => {
            too_large(bytes.len() as u64, findings);
        }
        Content::Bytes(bytes) => {
            let wrong = std::str::from_utf8(bytes)
                .err()
                .map(|error| error.valid_up_to())
                .or_else(|| bytes.iter().position(|byte| *byte == 0))
                .unwrap_or_default();
            let line = 1 + bytes[..wrong].iter().filter(|byte| **byte == b'\n').count();
            let message =
                format!("the file is not text: byte {wrong}, in line {line}, is not UTF-8 or zero");
            findings
                .error(Code::NotText, at, message)
                .help("write YAML in UTF-8");
        }
    }
}
