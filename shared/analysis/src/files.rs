//! Files of a table as DataFusion scans them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use history::{Kind, Partition, Table};

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
        let partitions = ["date", "team"].map(|name| {
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

#[async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = project_schema(self.schema.table_schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let threads = session.config().target_partitions();
        let groups = FileGroup::new(self.files.clone()).split_files(threads);
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
