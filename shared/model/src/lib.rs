//! The words of murmur as plain data: names, ids, validated definitions, state records with their
//! keys, facts and inbox messages.
//!
//! Nothing here decides, reads a clock, or knows where data is stored or sent.

pub mod address;
pub mod alert;
pub mod attempt;
pub mod cluster;
pub mod definition;
pub mod emr;
pub mod expansion;
pub mod expected;
pub mod fact;
pub mod id;
pub mod join;
pub mod key;
pub mod letters;
pub mod limit;
pub mod message;
pub mod metric;
pub mod name;
pub mod observation;
pub mod operation;
pub mod post;
pub mod record;
pub mod registry;
pub mod run;
pub mod task;
mod text;
pub mod trace;
pub mod units;
pub mod work;

pub use jiff::Timestamp;
pub use jiff::civil::Date;
