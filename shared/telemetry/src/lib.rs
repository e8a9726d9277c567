//! What murmur says of itself: figures, and a line for each fact.
//!
//! Figures follow from what is committed: whoever changes an item had to read it, so [`Watched`] knows
//! what it was before, and a commit that did not hold changes, and counts, nothing. So a message that
//! comes twice is counted once. What remains: a process that dies between a commit and its next line
//! has not told what it committed; figures are for people, and nothing is decided by them.
//!
//! Knows neither AWS nor this machine, and decides nothing.

mod change;
mod emf;
mod fact;
mod timed;
mod watched;

pub use emf::EmfMeter;
pub use timed::Timed;
pub use watched::{SharedMeter, Watched};
