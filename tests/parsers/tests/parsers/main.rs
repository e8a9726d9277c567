//! Whatever people or services write: every parser ends soon, without a panic and without taking
//! much memory.
//!
//! `MURMUR_FUZZ_SECONDS` says how long each parser is tried, `MURMUR_SEED` with what.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod definition;
mod endure;
mod event;
mod name;
mod pattern;
mod schedule;
mod template;
mod text;

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
