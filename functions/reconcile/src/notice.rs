//! Alerts that waited for the end of quiet hours.

use model::alert::{AlertRequest, Notice};
use model::message::{Function, Message};
use ports::{EventBus as _, Outgoing, Ports, Trouble};

/// Has the alert function look again; it is due until that has told the route, or found that there
/// is nothing to tell.
pub(crate) async fn look<P: Ports>(ports: &P, due: Notice) -> Result<(), Trouble> {
    let message = Message::Alert(AlertRequest::Notice {
        route: due.route,
        incident: due.incident,
    });
    let outgoing = vec![Outgoing::from(message)];
    Ok(ports.bus().send(Function::Alert, outgoing).await?)
}
