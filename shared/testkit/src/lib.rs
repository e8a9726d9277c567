//! What tests share: ports in memory, faults on demand, and contract suites that say what every
//! implementation of a port must do.
//!
//! Knows the ports and the model, never a function, a database or a service.

pub mod contract;
pub mod faults;
pub mod flow;
pub mod memory;
pub mod night;

pub use faults::Faults;
pub use memory::archive::MemoryArchive;
pub use memory::bus::MemoryBus;
pub use memory::clock::ManualClock;
pub use memory::compute::{Call, ScriptedCompute, SubmitAnswer};
pub use memory::mirror::MemoryMirror;
pub use memory::names::MemoryNames;
pub use memory::notifier::{MemoryNotifier, Posted};
pub use memory::store::MemoryStore;
pub use memory::test_ports::TestPorts;

/// Runs a future to its end on this thread.
pub use pollster::block_on;

/// Reads an instant out of its ISO 8601 text.
///
/// # Panics
/// When the text is no instant.
pub fn instant(text: &str) -> model::Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is no instant: {error}"))
}
