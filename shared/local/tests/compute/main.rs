//! The process compute with real processes: EMR's and Batch's habits, true exit codes, and what is
//! left after `kill -9`.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod clusters;
mod contract;
mod faults;
mod jobs;
mod machine;
mod nothing;
mod restart;
mod steps;
