//! `kill -9` at many random moments, with real processes: nothing is lost, nothing happens twice.
//!
//! Engines are killed 500 times; `MURMUR_KILLS=20000` asks for more, `MURMUR_SEED` for others.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod attempts;
mod days;
#[path = "../engine/dice.rs"]
mod dice;
mod operations;
#[path = "../engine/scene.rs"]
#[allow(dead_code)] // the other tests of the engine want more of it
mod scene;
mod share;
mod troubled_days;
#[path = "../engine/view.rs"]
#[allow(dead_code)] // the other tests of the engine want more of it
mod view;
