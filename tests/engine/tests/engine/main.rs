//! The engine with real functions, real SQLite and real processes: killed, starved, lied to and
//! restarted; killed at random in the target `kills`. Tests wait for facts, never for time.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

mod adopted;
mod calendar;
mod clusters;
mod cost;
mod definitions_in_flight;
mod disk;
mod history;
mod limits;
mod lost_events;
mod metrics;
mod nonsense;
mod operations;
mod scene;
mod time_outs;
#[allow(dead_code)] // the target `kills` wants more of it
mod view;
