//! The dataset of a folder as tables `runs`, `tasks` and `clusters`.
//!
//! A partition with a single file holds each row once, so it is read as it is. Only where there are
//! several files are rows told apart by their keys, since that is slow.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::common::DataFusionError;
use datafusion::config::Dialect;
use datafusion::error::Result;
use datafusion::execution::context::SQLOptions;
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::prelude::{SessionConfig, SessionContext};
use history::{Partition, Table};
use tokio::runtime::{Builder, Runtime};

use crate::answer::Answer;
use crate::files::Files;

/// The stack of a thread, in bytes; plans are trees, and are gone through by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// History, ready to be asked.
pub struct Dataset {
    context: SessionContext,
    runtime: Runtime,
}

/// A query got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct QueryError {
    /// What is wrong, in one line.
    pub what: String,
    /// Line and column, counted from 1.
    pub at: Option<(u64, u64)>,
    /// What is known besides, and what may have been meant.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Opens the files under a folder, which may be none.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let found = find(folder)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_stack_size(STACK)
            .build()?;
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_target_partitions(threads);
        let parser = &mut config.options_mut().sql_parser;
        parser.collect_spans = true;
        // The generic dialect takes a column called `cluster` for the beginning of a clause.
        parser.dialect = Dialect::PostgreSQL;
        let context = SessionContext::new_with_config(config);
        let registering = context.clone();
        let opened = runtime.spawn(async move { register(&registering, found).await });
        let opened = runtime.block_on(opened).map_err(io::Error::other)?;
        opened.map_err(io::Error::other)?;
        Ok(Self { context, runtime })
    }

    /// Asks; whatever would change anything is refused.
    pub fn query(&self, sql: &str) -> std::result::Result<Answer, QueryError> {
        let (context, sql) = (self.context.clone(), sql.to_owned());
        // On a thread of its own: planning needs more stack than a caller may have.
        let asked = self.runtime.spawn(async move { ask(&context, &sql).await });
        let answer = self.runtime.block_on(asked);
        let answer = answer.unwrap_or_else(|broke| Err(DataFusionError::External(broke.into())));
        answer.map_err(|error| explained(&error))
    }
}

async fn ask(context: &SessionContext, sql: &str) -> Result<Answer> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = context.sql_with_options(sql, options).await?;
    let schema = frame.schema().as_arrow().clone();
    let batches = frame.collect().await?;
    Ok(Answer::of(&schema, &batches)?)
}

/// The files there are, by partition.
type Found = BTreeMap<Partition, Vec<(std::path::PathBuf, u64)>>;

fn find(folder: &Path) -> io::Result<Found> {
    let mut found = Found::new();
    let folder = fs::canonicalize(folder)?;
    let mut folders: Vec<_> = Table::ALL
        .iter()
        .map(|table| folder.join(table.name()))
        .filter(|path| path.is_dir())
        .collect();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&folder).map(Path::to_string_lossy);
            if let Some(partition) = name.ok().and_then(|name| Partition::of(&name)) {
                let bytes = entry.metadata()?.len();
                found.entry(partition).or_default().push((path, bytes));
            }
        }
    }
    Ok(found)
}

/// Registers each table, over the files of partitions with one and of those with several.
async fn register(context: &SessionContext, found: Found) -> Result<()> {
    // As Athena calls it.
    let percentile = approx_percentile_cont_udaf();
    let percentile = percentile.as_ref().clone();
    context.register_udaf(percentile.with_aliases(["approx_percentile"]));
    let mut tables: BTreeMap<Table, [Files; 2]> = BTreeMap::new();
    for table in Table::ALL {
        tables.insert(table, [Files::of(table), Files::of(table)]);
    }
    for (partition, files) in found {
        let several = usize::from(files.len() > 1);
        if let Some(tables) = tables.get_mut(&partition.table) {
            for (path, bytes) in files {
                tables[several].add(&path, bytes, partition.clone())?;
            }
        }
    }
    let catalog = context.catalog("datafusion");
    let catalog = catalog.ok_or_else(|| DataFusionError::Internal("no catalogue".to_owned()))?;
    let (single, several) = (MemorySchemaProvider::new(), MemorySchemaProvider::new());
    for (table, [alone, copies]) in tables {
        let name = table.name().to_owned();
        single.register_table(name.clone(), Arc::new(alone))?;
        several.register_table(name, Arc::new(copies))?;
    }
    catalog.register_schema("single", Arc::new(single))?;
    catalog.register_schema("several", Arc::new(several))?;
    for table in Table::ALL {
        let view = context.sql(&view(table)).await?.into_view();
        context.register_table(table.name(), view)?;
    }
    Ok(())
}

/// Each row once.
fn view(table: Table) -> String {
    let name = table.name();
    let columns = table.columns().iter().map(|column| column.name);
    let columns: Vec<&str> = columns.chain(["date", "team"]).collect();
    let (columns, key) = (columns.join(", "), table.key().join(", "));
    format!(
        "SELECT {columns} FROM single.{name}
         UNION ALL
         SELECT {columns} FROM (
           SELECT *, row_number() OVER (PARTITION BY date, team, {key} ORDER BY ended_at DESC) AS copy
           FROM several.{name}
         ) WHERE copy = 1"
    )
}

/// An error for people: what, where, what may have been meant.
fn explained(error: &DataFusionError) -> QueryError {
    let diagnostic = error.diagnostic();
    let at = diagnostic.and_then(|diagnostic| diagnostic.span);
    let at = at.map(|span| (span.start.line, span.start.column));
    let notes = diagnostic.iter().flat_map(|diagnostic| {
        let notes = diagnostic.notes.iter().map(|note| note.message.clone());
        notes.chain(diagnostic.helps.iter().map(|help| help.message.clone()))
    });
    let text = error.find_root().strip_backtrace();
    let mut lines = text.lines();
    let what = lines.next().unwrap_or("it cannot be answered").to_owned();
    let rest = lines.map(str::to_owned);
    QueryError {
        what,
        at,
        notes: rest.chain(notes).filter(|note| !note.is_empty()).collect(),
    }
}
