//! The engine with real functions, real SQLite and real processes: killed, starved, lied to and
//! restarted. Tests wait for facts, never for time.

mod adopted;
mod calendar;
mod clusters;
mod definitions_in_flight;
mod dice;
mod disk;
mod killed;
mod limits;
mod lost_events;
mod nonsense;
mod operations;
mod scene;
mod time_outs;
mod view;
