//! The channels of teams, with their faults.

use model::definition::AlertRoute;
use model::name::TeamName;
use model::post::Post;
use model::units::Seconds;
use ports::{Notifier, NotifyError};

use super::{PlatformPorts, Point};
use crate::platform::faults::Fault;
use crate::platform::invariants::alerts;

/// How long a channel that throttles wants to be left alone, at most.
const ALONE: u64 = 120;

impl Notifier for PlatformPorts {
    async fn post(
        &self,
        _: &TeamName,
        route: &AlertRoute,
        post: &Post,
    ) -> Result<Option<String>, NotifyError> {
        let faults = &self.shared.faults;
        self.turn(Point::BeforeEffect).await;
        let reason = || "simulated".to_owned();
        if faults.strikes(Fault::AlertThrottled) {
            let after = Seconds(1 + faults.below(Fault::AlertThrottled, ALONE));
            return Err(NotifyError::Throttled {
                after,
                reason: reason(),
            });
        }
        if faults.strikes(Fault::AlertFails) {
            return Err(NotifyError::Unavailable { reason: reason() });
        }
        if faults.strikes(Fault::AlertHangs) {
            return Err(NotifyError::Unknown { reason: reason() });
        }
        let now = self.shared.now();
        self.shared.watch.trace.mix_text(&post.title);
        self.shared.watch.trace.note(now, || {
            let again = if post.repeated { " again" } else { "" };
            format!("  {} reads{again}: {}", route.to, post.title)
        });
        alerts::posted(&self.shared.watch, route, post);
        self.turn(Point::AfterEffect).await;
        if faults.strikes(Fault::AlertUnheard) {
            return Err(NotifyError::Unknown { reason: reason() });
        }
        let reference = post.reference.clone();
        Ok(Some(reference.unwrap_or_else(|| post.dedup_key.clone())))
    }
}
