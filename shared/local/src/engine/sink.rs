//! What the compute says, on its way into the inboxes.

use model::message::{Function, Message};
use model::units::Seconds;

use crate::compute_events::ObservationSink;
use crate::database::Failure;
use crate::inbox::Inboxes;

/// Puts each observation into its inbox, until one cannot be.
pub(super) struct InboxSink<'a> {
    inboxes: &'a Inboxes,
    pub result: Result<(), Failure>,
}

impl<'a> InboxSink<'a> {
    /// Puts into these.
    pub fn into(inboxes: &'a Inboxes) -> Self {
        Self {
            inboxes,
            result: Ok(()),
        }
    }
}

impl ObservationSink for InboxSink<'_> {
    fn emit(&mut self, inbox: Function, message: Message) {
        if self.result.is_ok() {
            self.result = self.inboxes.put(inbox, message, Seconds(0));
        }
    }
}
