//! A stand-in for EMR and AWS Batch: their wire protocols, limits, pages, states and events, over
//! work that really runs as processes of this machine.
//!
//! For tests alone. It knows nothing of runs, tasks or murmur's state: only what the services know.
//! That work is run by the local compute is a detail; names that murmur did not give are as welcome.

pub mod answer;
pub mod asked;
pub mod faults;
pub mod options;
pub mod python;
pub mod server;

mod admin;
mod authorize;
mod batch;
mod courier;
mod drive;
mod emr;
mod events;
mod names;
mod read;
mod world;

pub use server::serve;
