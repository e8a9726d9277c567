//! choreography

pub mod schedule;
