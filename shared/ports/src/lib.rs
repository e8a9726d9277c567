//! What the functions need of the world, as traits named by capability.
//!
//! Adapters implement them and hold no domain logic; the contract suites in `testkit` say what
//! every implementation must do. Nothing here knows AWS, SQLite, or a process.

pub mod archive;
pub mod body;
pub mod bus;
pub mod cache;
pub mod clock;
pub mod compute;
pub mod delivery;
pub mod exporter;
pub mod meter;
pub mod mirror;
pub mod names;
pub mod notifier;
pub mod printouts;
pub mod store;

pub use archive::{Archive, ArchiveError};
pub use body::Body;
pub use bus::{BusError, DeadLetter, EventBus, Outgoing};
pub use cache::ContentCache;
pub use clock::Clock;
pub use compute::{ClusterRequest, Compute, ComputeError, SubmitError};
pub use delivery::{Delivery, Trouble, Verdict};
pub use exporter::{Export, Exporter};
pub use meter::{Meter, Unmetered};
pub use model::work::{JobSpec, Submission, Work};
pub use names::{Nameless, Names, NamesError};
pub use notifier::{Notifier, NotifyError, Unheard};
pub use printouts::{Printout, Printouts, Submitted, Unprinted};
pub use store::{
    CommitError, Expect, Item, StateStore, StoreError, Stored, TypedStore, Versioned, Write,
};

/// Everything a function is given.
pub trait Ports {
    type Store: StateStore;
    type Bus: EventBus;
    type Compute: Compute;
    type Clock: Clock;
    type Names: Names;

    fn store(&self) -> &Self::Store;
    fn bus(&self) -> &Self::Bus;
    fn compute(&self) -> &Self::Compute;
    fn clock(&self) -> &Self::Clock;
    fn names(&self) -> &Self::Names;
    /// Content by its hash, kept between invocations.
    fn cache(&self) -> &ContentCache;
    /// Where figures go; nowhere unless somebody counts.
    fn meter(&self) -> &dyn Meter {
        &Unmetered
    }
}
