//! Stable names of clusters: what clients connect to, whichever instance is up.

use model::name::ClusterRef;

/// Lets names lead to hosts.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait Names {
    /// The name of a cluster, the same for all its instances; `None` where the deployment gives
    /// none.
    fn name_of(&self, cluster: &ClusterRef) -> Option<String>;

    /// Lets a name lead to a host, wherever it led before. Repeating changes nothing.
    async fn point(&self, name: &str, host: &str) -> Result<(), NamesError>;
}

/// A name does not lead where it should, or nobody knows; safe to repeat.
#[derive(Debug, thiserror::Error)]
#[error("the name service is unavailable: {reason}")]
pub struct NamesError {
    pub reason: String,
}

/// Gives no names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nameless;

impl Names for Nameless {
    fn name_of(&self, _: &ClusterRef) -> Option<String> {
        None
    }

    async fn point(&self, _: &str, _: &str) -> Result<(), NamesError> {
        Ok(())
    }
}
