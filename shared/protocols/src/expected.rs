//! Moving expected slots on, in the commit that records the slot (rule 18).

use choreography::expected::{self, GRACE};
use choreography::schedule::Schedule;
use model::Timestamp;
use model::definition::ScheduleSpec;
use model::expected::{Expected, ScheduleRef};
use model::key::Key;
use ports::{Ports, Trouble, TypedStore as _, Write};

/// Reads a registered schedule.
pub fn schedule(spec: &ScheduleSpec) -> Result<Schedule, Trouble> {
    expected::schedule_of(spec)
        .map_err(|error| Trouble::Poison(format!("a registered schedule cannot be read: {error}")))
}

/// Gives the write that moves a schedule on past a slot; `None` when it owes nothing, or not this.
pub async fn moved_on(
    ports: &impl Ports,
    reference: &ScheduleRef,
    schedule: &Schedule,
    recorded: Timestamp,
) -> Result<Option<Write>, Trouble> {
    let key = Key::Expected(reference.clone());
    let Some(read) = ports.store().get::<Expected>(&key).await? else {
        return Ok(None);
    };
    let moved = expected::moved_on(&read.value, schedule, recorded, GRACE);
    Ok((moved != read.value).then(|| Write::replace(&moved, Some(read.version))))
}
