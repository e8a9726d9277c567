//! Steps over the ports that several functions share: loading pinned content, taking and freeing
//! places of limits, waiting and releasing.
//!
//! Decisions stay in `choreography`; what only one function does stays in that function's folder.

pub mod content;
pub mod expected;
pub mod facts;
pub mod history;
pub mod instances;
pub mod limits;
pub mod lots;
pub mod open_steps;
pub mod plans;
pub mod registry;
pub mod stop;
