//! Definitions: the YAML files of `events/` become `model::definition::Definitions`, or a list of
//! everything that is wrong with them.
//!
//! The way of a file: `folder` reads it, `yaml` makes a tree that knows its places, `read` makes
//! `written` values of the tree, `check` judges the whole set, `lower` makes the model's types. No
//! step stops at the first problem. Only `folder` does I/O; nothing here reads a clock.

mod check;
mod code;
mod diagnostic;
mod folder;
mod lower;
mod read;
mod render;
mod schema;
mod source;
mod suggest;
mod words;
mod written;
mod yaml;

pub use check::{Checked, check};
pub use code::Code;
pub use diagnostic::{Diagnostic, Severity, to_json};
pub use folder::{FolderError, read_folder};
pub use render::render;
pub use schema::{FileSchema, schemas};
pub use source::{Content, MOST_BYTES, SourceFile};
