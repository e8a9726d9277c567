//! The decisions of murmur: functions of (state, fact, now), one file each.
//!
//! Nothing here is asynchronous, does I/O, reads a clock, logs or draws randomness; what looks
//! random, such as jitter, follows from a key.

pub mod alert;
pub mod backfill;
pub mod claim;
pub mod deadline;
pub mod drain;
pub mod ending;
pub mod expected;
pub mod forecast;
pub mod instance;
pub mod join;
pub mod late;
pub mod letters;
pub mod lifecycle;
pub mod mark;
pub mod open_step;
pub mod overdue;
pub mod pattern;
pub mod place;
pub mod plan;
pub mod retry;
pub mod schedule;
pub mod scope;
pub mod selection;
pub mod slot;
pub mod suspect;
pub mod template;
pub mod upstreams;
pub mod window;
pub mod work;

pub use jiff::tz::TimeZone;
