//! What verbs read of the state, put together: runs with their tasks, what they wait for, the
//! registry.
//!
//! Reads through `ports::StateStore` only; must not know where the state is, nor how it is printed.

pub mod cluster;
pub mod definitions;
pub mod find;
pub mod incident;
pub mod places;
pub mod run;
pub mod waiting;
pub mod words;
