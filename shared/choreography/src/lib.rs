//! choreography

pub mod pattern;
pub mod schedule;
