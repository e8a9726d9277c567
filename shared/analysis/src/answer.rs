//! What a query answers: names of columns, and rows of cells.

use datafusion::arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// Rows under names.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Nothing,
    Flag(bool),
    Number(i64),
    Fraction(f64),
    /// Texts, instants in ISO 8601, and whatever else there is, as people read it.
    Text(String),
}

impl Answer {
    pub(crate) fn of(schema: &Schema, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let columns = schema.fields().iter().map(|field| field.name().clone());
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Vec<Vec<Cell>> = batch
                .columns()
                .iter()
                .map(cells)
                .collect::<Result<_, ArrowError>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            for _ in 0..batch.num_rows() {
                let row = columns.iter_mut().filter_map(Iterator::next);
                rows.push(row.collect());
            }
        }
        Ok(Self {
            columns: columns.collect(),
            rows,
        })
    }
}

fn cells(column: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let of = |cell: Option<Cell>| cell.unwrap_or(Cell::Nothing);
    let kind = column.data_type();
    if kind == &DataType::Boolean {
        let flags = column.as_boolean().iter();
        return Ok(flags.map(|flag| of(flag.map(Cell::Flag))).collect());
    }
    if kind.is_integer() && kind != &DataType::UInt64 {
        let numbers = cast(column, &DataType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>().iter();
        return Ok(numbers.map(|number| of(number.map(Cell::Number))).collect());
    }
    if kind.is_numeric() {
        let numbers = cast(column, &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>().iter();
        return Ok(numbers
            .map(|number| of(number.map(Cell::Fraction)))
            .collect());
    }
    let options = FormatOptions::default();
    let texts = ArrayFormatter::try_new(column, &options)?;
    let text = |row| {
        if column.is_null(row) {
            return Ok(Cell::Nothing);
        }
        texts.value(row).try_to_string().map(Cell::Text)
    };
    (0..column.len()).map(text).collect()
}
