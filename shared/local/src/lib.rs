//! murmur on one machine: state and inboxes in one SQLite file, a compute that runs processes, and
//! the engine that runs the functions in one process, durably.
//!
//! What makes it fast and safe at once is one serial log with group commit: see [`database`] for
//! the group, [`inbox`] for messages that are delivered before they are rows, [`local_ports`] for
//! what must be committed before the world outside hears of it.
//!
//! Adapters here hold no domain logic: nothing decides about runs, tasks or clusters.

mod archive;
mod bus;
mod clock;
pub mod compute;
pub mod compute_events;
mod data;
pub mod database;
mod dead_letters;
mod ended;
mod endpoint;
pub mod engine;
mod functions;
pub mod guest;
mod handlers;
pub mod inbox;
mod journal;
pub mod local_ports;
mod meters;
mod statistics;
mod store;
mod ticker;

pub use archive::FolderArchive;
pub use bus::LocalBus;
pub use clock::{ClockMode, EngineClock};
pub use data::{Data, Options};
pub use database::{DataError, Durability, Failure};
pub use dead_letters::DeadLetter;
pub use endpoint::Endpoint;
pub use engine::{Engine, EngineError, Stopper};
pub use functions::Functions;
pub use guest::{Guest, Reader};
pub use handlers::Handlers;
pub use local_ports::LocalPorts;
pub use meters::Meters;
pub use statistics::Statistics;
pub use store::SqliteStateStore;
pub use telemetry::SharedMeter;
