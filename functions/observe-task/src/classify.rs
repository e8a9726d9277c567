//! Why an attempt failed (rule 12): what happened to its place is asked of the service.

use model::observation::{WorkObservation, WorkState};
use model::task::{FailureClass, Place, Task};
use ports::{Compute as _, Ports, Trouble};

/// Batch's words for a host that was lost under a job.
const HOST_LOST: &str = "Host EC2";

/// Classes a failure; for anything else the class does not matter.
pub(crate) async fn failure<P: Ports>(
    ports: &P,
    task: &Task,
    seen: &WorkObservation,
) -> Result<FailureClass, Trouble> {
    match seen.state {
        WorkState::Pending | WorkState::Running | WorkState::Succeeded => {
            return Ok(FailureClass::Application);
        }
        WorkState::Interrupted => return Ok(FailureClass::Infrastructure),
        WorkState::Failed | WorkState::Cancelled => {}
    }
    if task.stopping.is_some() {
        return Ok(FailureClass::Application);
    }
    match &seen.place {
        Place::Queue(_) => {
            let lost = seen
                .reason
                .as_ref()
                .is_some_and(|reason| reason.starts_with(HOST_LOST));
            Ok(if lost {
                FailureClass::Infrastructure
            } else {
                FailureClass::Application
            })
        }
        Place::Instance(cluster) => {
            let described = ports.compute().describe_cluster(cluster).await?;
            let lost = described.is_none_or(|cluster| cluster.state.is_ending());
            Ok(if lost {
                FailureClass::Infrastructure
            } else {
                FailureClass::Application
            })
        }
    }
}
