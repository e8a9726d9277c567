//! Waiting until another run's pass has succeeded, before what builds on it runs again.

use model::key::Key;
use model::message::Function;
use model::operation::Pass;
use model::run::{Run, RunState};
use model::units::Seconds;
use ports::{Clock as _, EventBus as _, Outgoing, Ports, TypedStore as _};

use crate::record::Opened;
use crate::{Stop, refused, targets};

/// Bounds of how long it waits before it looks again; in between a quarter of the time so far.
const SOONEST: Seconds = Seconds(5);
const LATEST: Seconds = ports::bus::MAX_DELAY;

/// Whether the pass has succeeded; if it may still, the operation is sent again later.
pub(crate) async fn has_succeeded<P: Ports>(
    ports: &P,
    opened: &mut Opened,
    pass: &Pass,
) -> Result<bool, Stop> {
    let Some(upstream) = ports
        .store()
        .get::<Run>(&Key::Run(pass.run.clone()))
        .await?
    else {
        return refused(format!("there is no run `{}` to wait for", pass.run));
    };
    let upstream = upstream.value;
    match upstream.state {
        RunState::Succeeded if upstream.generation >= pass.generation => return Ok(true),
        RunState::Failed | RunState::Cancelled | RunState::Skipped | RunState::Succeeded => {
            return refused(format!(
                "the run `{}` it follows did not succeed again, it is {}; rerun that first",
                pass.run,
                targets::word(upstream.state)
            ));
        }
        RunState::Running | RunState::Waiting => {}
    }
    opened
        .note(ports, format!("waits until {} has succeeded", pass.run))
        .await?;
    let waited = Seconds::between(opened.request().at, ports.clock().now());
    let delay = Seconds(waited.0 / 4).clamp(SOONEST, LATEST);
    let again = Outgoing {
        message: opened.message(),
        delay,
    };
    ports.bus().send(Function::Operate, vec![again]).await?;
    Ok(false)
}
