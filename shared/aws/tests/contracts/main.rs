//! The contracts of the ports, kept by the adapters against an emulator of AWS, and what becomes of
//! calls that fail.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

#[cfg(feature = "archive")]
mod archive;
mod bus;
mod bus_bench;
mod compute;
mod deployments;
mod emulator;
mod job_flow;
mod lambda;
mod mirror;
mod names;
mod process;
mod secrets;
mod stand_in;
mod store;
mod table;
mod wire;
