//! History for analysis: what has ended, as rows of three tables in Parquet files.
//!
//! A row follows from one fact alone, and a file's name and bytes from its rows, so whatever is done
//! again gives the same. Two files of a partition may hold the same row; whoever reads counts each key
//! once ([`Table::key`]). Knows no place where files are, and no SQL.

mod file;
mod partition;
mod row;
mod table;

pub use file::{Unreadable, read, write};
pub use partition::{Partition, closed_days};
pub use row::{Row, Value, by_partition, merged};
pub use table::{Column, Kind, Table};
