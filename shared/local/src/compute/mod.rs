//! The compute services on one machine: stand-ins for EMR and Batch.
//!
//! [`ProcessCompute`] really runs the work as child processes that survive the engine, and keeps
//! the services' shapes, limits and habits. [`NothingCompute`] runs nothing, for benchmarks.
//! Neither knows runs, tasks or the state store; they know what EMR and Batch know.

pub mod configuration;
pub mod directory;
pub mod faults;
pub mod launch;
pub mod logs;
pub mod nothing;
pub mod printouts;
pub mod supervise;

mod admission;
mod alerts;
mod calls;
mod clusters;
mod database;
mod drive;
mod exports;
mod identity;
mod process;
mod record;
mod service;
mod state;
mod turn;
mod uri;
mod work;

pub use alerts::{AlertConfiguration, Credential};
pub use configuration::LocalConfiguration;
pub use database::DatabaseError;
pub use exports::{ExportConfiguration, ExportDestination};
pub use faults::{ClusterFaults, Faults, SubmitAnswer};
pub use nothing::NothingCompute;
pub use printouts::LocalPrintouts;
pub use process::ProcessError;
pub use service::{OpenError, ProcessCompute};
pub use state::StateError;
pub use supervise::{SUPERVISE_VERB, SuperviseError, supervise};
