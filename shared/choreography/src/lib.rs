//! choreography

pub mod expected;
pub mod pattern;
pub mod schedule;
pub mod template;
#[cfg(test)]
mod fixture;
pub mod join;
pub mod plan;
pub mod scope;
pub mod place;
pub mod retry;
pub mod slot;
