//! register-definitions: checks all of `events/` and makes it what new runs and instances take
//! (rule 5). Called directly by `terraform apply` and by the local engine.
//!
//! In: the raw text of every file. Out: content by hash, current pointers, who waits for whom,
//! expected slots. It starts nothing and touches no run.
//!
//! Safe to repeat from the middle: content comes before what points at it, every pointer is right
//! by itself, and the deployment says that the set is complete only at the very end.

mod apply;
mod change;
mod current;
mod fence;
mod grown;
mod owed;
mod request;
mod wanted;

use definitions::{Diagnostic, SourceFile};
use ports::{Clock as _, Ports, Trouble};

pub use apply::apply;
pub use change::{Changes, Difference};
pub use request::{Action, Answer, Outcome, Request, RequestError, answer};

/// What registering a good set did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// This very set was registered before.
    Unchanged,
    Changed(Box<Changes>),
}

/// Why nothing is registered, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The set is broken; nothing was changed.
    #[error("{} of the definitions are wrong; nothing was changed", .diagnostics.len())]
    Broken { diagnostics: Vec<Diagnostic> },
    /// Registering again completes what was begun.
    #[error("the definitions could not be registered; registering them again completes it")]
    Interrupted(#[from] Trouble),
}

/// Checks the whole set and registers it; a broken one changes nothing.
pub async fn register<P: Ports>(ports: &P, files: &[SourceFile]) -> Result<Registered, Refused> {
    let checked = definitions::check(files, ports.clock().now());
    let Some(definitions) = checked.definitions else {
        return Err(Refused::Broken {
            diagnostics: checked.diagnostics,
        });
    };
    Ok(apply(ports, &definitions).await?)
}

#[cfg(test)]
mod tests;
