//! The protocols, every order of their steps, at small size; and each with a known mistake.

#![allow(clippy::unwrap_used)] // a test

mod claim;
mod drain;
mod join;
mod pool;
mod report;
mod start;
