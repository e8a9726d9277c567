//! The real handlers over memory adapters, in a world that delivers late, twice and out of order.
//!
//! Everything random is drawn from one seed, so a seed that fails fails again.

pub mod dice;
pub mod platform;
pub mod play;
pub mod reference;
pub mod report;
pub mod shrink;
pub mod world;
pub mod year;
