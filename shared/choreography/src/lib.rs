//! choreography

pub mod pattern;
pub mod schedule;
#[cfg(test)]
mod fixture;
pub mod join;
pub mod plan;
pub mod scope;
pub mod place;
