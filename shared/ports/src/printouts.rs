//! What work printed, for who tells people of it.

use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::post::Link;
use model::task::Place;

/// Reads the end of what an attempt printed, and knows where people find all of it.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Printouts {
    /// Reads the end of what an attempt printed, within some three seconds. It never fails: what
    /// cannot be read is said to be missing. With `links_only` nothing is read.
    async fn end_of(&self, attempt: &Submitted, links_only: bool) -> Printout;

    /// Where people look at an instance.
    fn links_of(&self, instance: &EmrClusterId) -> Vec<Link>;
}

/// An attempt that somebody was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub key: AttemptKey,
    pub place: Place,
    pub id: SubmissionId,
}

/// The end of what was printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Printout {
    /// At most [`END`] bytes, as they were printed; empty when there are none.
    pub end: String,
    /// Why there is none, in words.
    pub missing: Option<String>,
    /// Whether there is likely to be some within minutes.
    pub comes_later: bool,
    pub links: Vec<Link>,
}

/// How much of the end is read at most, in bytes.
pub const END: usize = 16 * 1024;

/// Where nobody keeps what work prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unprinted;

impl Printouts for Unprinted {
    async fn end_of(&self, _: &Submitted, _: bool) -> Printout {
        Printout::default()
    }

    fn links_of(&self, _: &EmrClusterId) -> Vec<Link> {
        Vec::new()
    }
}
