//! SQL over history: the dataset in a folder as tables, and ready reports.
//!
//! Reads files only, whoever wrote them; knows neither the state table nor how facts become rows.

mod answer;
mod dataset;
mod files;
mod prices;
mod report;

pub use answer::{Answer, Cell};
pub use dataset::{Dataset, QueryError};
pub use prices::Prices;
pub use report::Report;
