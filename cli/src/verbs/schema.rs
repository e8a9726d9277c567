//! `murmur schema`: the JSON Schemas of definitions, for editors.

use std::path::{Path, PathBuf};

use clap::Args;
use definitions::{FileSchema, schemas};

use crate::exit::{Exit, Failure};
use crate::nearest::nearest;
use crate::output::{Screen, note};

const EXAMPLES: &str = "\
Examples:
  murmur schema workflow > workflow.schema.json
  murmur schema --write events/schema      # all of them, as files

For editors, as the first line of events/<team>/workflows/<name>.yaml:
  # yaml-language-server: $schema=../../schema/workflow.schema.json";

/// Prints the JSON Schema of teams, clusters or workflows, for editors
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Schema {
    /// Which one: team, cluster or workflow
    #[arg(required_unless_present = "write")]
    kind: Option<String>,
    /// Writes all of them into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    write: Option<PathBuf>,
}

impl Schema {
    /// Prints or writes schemas.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let schemas = schemas();
        if let Some(folder) = &self.write {
            return write(folder, &schemas);
        }
        let kind = self.kind.unwrap_or_default();
        let Some(schema) = schemas.iter().find(|schema| schema.kind == kind) else {
            let kinds: Vec<&str> = schemas.iter().map(|schema| schema.kind).collect();
            let failure = Failure::not_found(format!("there is no schema `{kind}`"));
            return Err(match nearest(&kind, kinds.iter().copied()) {
                Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                None => failure.help(format!("there are: {}", kinds.join(", "))),
            });
        };
        screen.text(&schema.text())?;
        Ok(Exit::Fine)
    }
}

fn write(folder: &Path, schemas: &[FileSchema]) -> Result<Exit, Failure> {
    let failed = |path: &Path, error| {
        Failure::trouble(format!("cannot write {}", path.display()))
            .because(anyhow::Error::new(error))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for schema in schemas {
        let path = folder.join(format!("{}.schema.json", schema.kind));
        std::fs::write(&path, schema.text()).map_err(|error| failed(&path, error))?;
        note(&format!("wrote {}", path.display()));
    }
    Ok(Exit::Fine)
}
