//! Rows as Parquet files and back.
//!
//! Every column is optional, texts are dictionary-encoded, and everything is packed with Snappy, which
//! every reader of Parquet knows.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::row::{Row, Value};
use crate::table::{Column, Kind, Table};

/// How many rows stand in a group at most; readers skip groups and share them out.
const GROUP: usize = 100_000;

/// A file is not one of ours, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be read as Parquet: {0}")]
pub struct Unreadable(#[from] ParquetError);

/// The bytes of a file with these rows, all of one table, in their order.
///
/// # Panics
/// Never: it is written to memory, by a schema that the values are made for.
pub fn write(table: Table, rows: &[Row]) -> Vec<u8> {
    try_write(table, rows).expect("memory takes every value of a table's schema")
}

/// Reads a file's rows. A column that it lacks is empty, one that the table lacks is left out.
pub fn read(table: Table, bytes: Vec<u8>) -> std::result::Result<Vec<Row>, Unreadable> {
    let file = SerializedFileReader::new(Bytes::from(bytes))?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let mut rows = Vec::new();
    for number in 0..file.num_row_groups() {
        let group = file.get_row_group(number)?;
        let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut columns = Vec::new();
        for column in table.columns() {
            let written = schema.columns().iter();
            let position = written
                .into_iter()
                .position(|one| one.name() == column.name);
            columns.push(match position {
                Some(position) => read_column(&*group, position, column, count)?.into_iter(),
                None => vec![None; count].into_iter(),
            });
        }
        for _ in 0..count {
            let values = columns.iter_mut().map(|column| column.next().flatten());
            let values = values.collect();
            rows.push(Row { table, values });
        }
    }
    Ok(rows)
}

fn try_write(table: Table, rows: &[Row]) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("murmur".to_owned())
        .set_dictionary_enabled(true)
        .build();
    let schema = Arc::new(schema(table)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        for position in 0..table.columns().len() {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            write_column(&mut column, rows, position)?;
            column.close()?;
        }
        group.close()?;
    }
    writer.into_inner()
}

fn schema(table: Table) -> Result<Type> {
    let fields = table.columns().iter().map(|column| {
        let (physical, logical) = match column.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Count => (Physical::INT64, None),
            Kind::Instant => {
                let millis = LogicalType::timestamp(true, TimeUnit::MILLIS);
                (Physical::INT64, Some(millis))
            }
            Kind::Seconds => (Physical::DOUBLE, None),
        };
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        field.build().map(Arc::new)
    });
    let fields = fields.collect::<Result<_>>()?;
    Type::group_type_builder(table.name())
        .with_fields(fields)
        .build()
}

fn write_column(
    column: &mut SerializedColumnWriter<'_>,
    rows: &[Row],
    position: usize,
) -> Result<()> {
    let values = || rows.iter().map(|row| row.values[position].as_ref());
    let there: Vec<i16> = values().map(|value| value.is_some().into()).collect();
    let there = Some(there.as_slice());
    match column.untyped() {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let texts = values().flatten().filter_map(|value| match value {
                Value::Text(text) => Some(ByteArray::from(text.as_str())),
                Value::Count(_) | Value::Instant(_) | Value::Seconds(_) => None,
            });
            writer.write_batch(&texts.collect::<Vec<_>>(), there, None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let numbers = values().flatten().filter_map(|value| match value {
                Value::Count(number) | Value::Instant(number) => Some(*number),
                Value::Text(_) | Value::Seconds(_) => None,
            });
            writer.write_batch(&numbers.collect::<Vec<_>>(), there, None)?;
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let numbers = values().flatten().filter_map(|value| match value {
                Value::Seconds(number) => Some(*number),
                Value::Text(_) | Value::Count(_) | Value::Instant(_) => None,
            });
            writer.write_batch(&numbers.collect::<Vec<_>>(), there, None)?;
        }
        _ => unreachable!("the schema has three physical types"),
    }
    Ok(())
}

fn read_column(
    group: &dyn RowGroupReader,
    position: usize,
    column: &Column,
    count: usize,
) -> Result<Vec<Option<Value>>> {
    let wrong = || ParquetError::General(format!("the column {} has another type", column.name));
    let read = match (column.kind, group.get_column_reader(position)?) {
        (Kind::Text, ColumnReader::ByteArrayColumnReader(mut reader)) => {
            let (mut texts, mut there) = (Vec::new(), Vec::new());
            reader.read_records(count, Some(&mut there), None, &mut texts)?;
            spread::<ByteArrayType>(texts, &there, |text| {
                let text = String::from_utf8_lossy(text.data()).into_owned();
                Value::Text(text)
            })
        }
        (Kind::Count, ColumnReader::Int64ColumnReader(mut reader)) => {
            let (mut numbers, mut there) = (Vec::new(), Vec::new());
            reader.read_records(count, Some(&mut there), None, &mut numbers)?;
            spread::<Int64Type>(numbers, &there, Value::Count)
        }
        (Kind::Instant, ColumnReader::Int64ColumnReader(mut reader)) => {
            let (mut numbers, mut there) = (Vec::new(), Vec::new());
            reader.read_records(count, Some(&mut there), None, &mut numbers)?;
            spread::<Int64Type>(numbers, &there, Value::Instant)
        }
        (Kind::Seconds, ColumnReader::DoubleColumnReader(mut reader)) => {
            let (mut numbers, mut there) = (Vec::new(), Vec::new());
            reader.read_records(count, Some(&mut there), None, &mut numbers)?;
            spread::<DoubleType>(numbers, &there, Value::Seconds)
        }
        _ => return Err(wrong()),
    };
    if read.len() == count {
        Ok(read)
    } else {
        Err(wrong())
    }
}

/// Puts values to the rows that have one.
fn spread<T: DataType>(
    values: Vec<T::T>,
    there: &[i16],
    value: impl Fn(T::T) -> Value,
) -> Vec<Option<Value>> {
    let mut values = values.into_iter();
    let mut next = |there: &i16| values.next().filter(|_| *there > 0);
    let spread = there.iter().map(|there| match there {
        0 => None,
        _ => next(there).map(&value),
    });
    spread.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(kind: Kind) -> BoxedStrategy<Option<Value>> {
        let value = match kind {
            Kind::Text => any::<String>().prop_map(Value::Text).boxed(),
            Kind::Count => any::<i64>().prop_map(Value::Count).boxed(),
            Kind::Instant => any::<i64>().prop_map(Value::Instant).boxed(),
            Kind::Seconds => (0.0..1e12).prop_map(Value::Seconds).boxed(),
        };
        proptest::option::of(value).boxed()
    }

    fn rows(table: Table) -> impl Strategy<Value = Vec<Row>> {
        let columns: Vec<_> = table.columns().iter().map(|one| value(one.kind)).collect();
        let row = columns.prop_map(move |values| Row { table, values });
        proptest::collection::vec(row, 0..30)
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(
            (table, rows) in (0..Table::ALL.len())
                .prop_flat_map(|table| (Just(Table::ALL[table]), rows(Table::ALL[table])))
        ) {
            let bytes = write(table, &rows);
            prop_assert_eq!(&bytes, &write(table, &rows));
            prop_assert_eq!(read(table, bytes).unwrap(), rows);
        }
    }

    #[test]
    fn more_rows_than_a_group_read_back_in_order() {
        let row = |number: usize| {
            let number = i64::try_from(number).unwrap();
            let mut values = vec![None; Table::Runs.columns().len()];
            values[0] = Some(Value::Text("daily".to_owned()));
            values[4] = (number % 3 > 0).then_some(Value::Count(number));
            let table = Table::Runs;
            Row { table, values }
        };
        let rows: Vec<Row> = (0..GROUP + 1).map(row).collect();
        assert!(read(Table::Runs, write(Table::Runs, &rows)).unwrap() == rows);
    }

    #[test]
    fn what_is_no_file_of_ours_is_refused() {
        for bytes in [&b""[..], b"PAR1", b"PAR1 and no footer PAR1"] {
            assert!(read(Table::Runs, bytes.to_vec()).is_err());
        }
        // Another table's: what they share is there.
        let other = read(Table::Tasks, write(Table::Runs, &[])).unwrap();
        assert_eq!(other, []);
    }
}
