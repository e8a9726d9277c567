//! Files of a table as DataFusion scans them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{DFSchema, Result, ScalarValue, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use history::{Kind, Partition, Table};

/// What a file's folder says of its rows.
const PARTITION: [&str; 2] = ["date", "team"];

/// Parquet files of one table, each with its partition.
#[derive(Debug)]
pub struct Files {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
}

impl Files {
    /// Has none yet.
    pub fn of(table: Table) -> Self {
        let columns = table.columns().iter().map(|column| {
            let kind = match column.kind {
                Kind::Text => DataType::Utf8View,
                Kind::Count => DataType::Int64,
                Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                Kind::Seconds => DataType::Float64,
            };
            Field::new(column.name, kind, true)
        });
        let partitions = PARTITION.map(|name| {
            let name = Field::new(name, DataType::Utf8View, false);
            Arc::new(name)
        });
        let schema = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
        let schema = TableSchema::builder(schema).with_table_partition_cols(partitions.to_vec());
        Self {
            schema: schema.build(),
            files: Vec::new(),
        }
    }

    /// Adds a file, by its absolute path and its size in bytes.
    pub fn add(&mut self, path: &Path, bytes: u64, partition: Partition) -> Result<()> {
        let path = datafusion::object_store::path::Path::from_absolute_path(path)?;
        let mut file = PartitionedFile::new("", bytes);
        // As it is: a text would be escaped once more.
        file.object_meta.location = path;
        let values = [partition.date, partition.team];
        file.partition_values = values
            .map(|value| ScalarValue::Utf8View(Some(value)))
            .to_vec();
        self.files.push(file);
        Ok(())
    }
}

impl Files {
    /// The files of the partitions that are asked for.
    fn among(&self, session: &dyn Session, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let Some(wanted) = conjunction(filters.to_vec()) else {
            return Ok(self.files.clone());
        };
        if self.files.is_empty() {
            return Ok(Vec::new());
        }
        let columns = (0..PARTITION.len()).map(|column| {
            let values = self.files.iter();
            ScalarValue::iter_to_array(values.map(|file| file.partition_values[column].clone()))
        });
        let schema = Schema::new(self.schema.table_partition_cols().clone());
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::new(schema), columns)?;
        let schema = DFSchema::try_from(batch.schema())?;
        let wanted = session.create_physical_expr(wanted, &schema)?;
        let wanted = wanted.evaluate(&batch)?.into_array(self.files.len())?;
        let wanted = as_boolean_array(&wanted)?.iter();
        let files = self.files.iter().zip(wanted);
        let files = files.filter(|(_, is_wanted)| *is_wanted == Some(true));
        Ok(files.map(|(file, _)| file.clone()).collect())
    }
}

#[async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let supports = |filter: &&Expr| {
            let mut columns = filter.column_refs().into_iter();
            let is_of_partition = columns.all(|column| PARTITION.contains(&column.name.as_str()));
            if is_of_partition && !filter.is_volatile() {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(supports).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.among(session, filters)?;
        if files.is_empty() {
            let schema = project_schema(self.schema.table_schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let threads = session.config().target_partitions();
        let groups = FileGroup::new(files).split_files(threads);
        // Each file is a day of a team: there is little in it to leave out.
        let mut options = TableParquetOptions::default();
        options.global.enable_page_index = false;
        options.global.bloom_filter_on_read = false;
        let source = ParquetSource::new(self.schema.clone()).with_table_parquet_options(options);
        let source = Arc::new(source);
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit);
        Ok(DataSourceExec::from_data_source(scan.build()))
    }
}
