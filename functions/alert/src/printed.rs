//! What failed work printed last, and where to look at it.
//!
//! Best effort: a message is never held back for it, and says what it lacks.

use choreography::alert::printed::printed;
use model::alert::{CurrentAlerts, Symptom, SymptomRef};
use model::cluster::{Instance, InstanceKey};
use model::id::RunId;
use model::key::Key;
use model::name::{TaskName, TeamName};
use model::post::{Link, Printed};
use model::task::{Task, TaskState};
use ports::{Ports, Printouts, Submitted, Trouble, TypedStore as _};

use crate::known::Known;

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub printed: Option<Printed>,
    pub links: Vec<Link>,
    /// Whether there is likely to be more within minutes.
    pub comes_later: bool,
}

/// Looks for it at what failed first. A team is shown lines of its own work alone, and those only if
/// it wants to.
pub(crate) async fn look<P: Ports, O: Printouts>(
    ports: &P,
    printouts: &O,
    known: &Known,
    team: &TeamName,
) -> Result<Found, Trouble> {
    for symptom in &known.summary.shown {
        match &symptom.symptom {
            SymptomRef::Task(run, task) => {
                if let Some(submitted) = submitted(ports, run, task).await? {
                    return at_attempt(ports, printouts, symptom, &submitted, team).await;
                }
            }
            SymptomRef::Instance(key) | SymptomRef::Idle(key) | SymptomRef::Leaked(key) => {
                return at_instance(ports, printouts, key).await;
            }
            SymptomRef::Run(_)
            | SymptomRef::Deadline(_)
            | SymptomRef::AtRisk(_)
            | SymptomRef::Slow(_)
            | SymptomRef::Tick(_)
            | SymptomRef::Late(_)
            | SymptomRef::Letters(_) => {}
        }
    }
    Ok(Found::default())
}

/// The attempt that failed, if a service was given it and it is not run again yet.
async fn submitted<P: Ports>(
    ports: &P,
    run: &RunId,
    task: &TaskName,
) -> Result<Option<Submitted>, Trouble> {
    let key = Key::Task(run.clone(), task.clone());
    let Some(task) = ports.store().get::<Task>(&key).await? else {
        return Ok(None);
    };
    let task = task.value;
    let key = task.attempt_key();
    let given = task.claim.zip(task.submission);
    let given = given.filter(|_| task.state == TaskState::Failed);
    Ok(given.map(|(claim, id)| Submitted {
        key,
        place: claim.place,
        id,
    }))
}

async fn at_attempt<P: Ports, O: Printouts>(
    ports: &P,
    printouts: &O,
    symptom: &Symptom,
    submitted: &Submitted,
    team: &TeamName,
) -> Result<Found, Trouble> {
    let is_shown = symptom.team == *team && wants_lines(ports, team).await?;
    let printout = printouts.end_of(submitted, !is_shown).await;
    let by = format!("{}, attempt {}", submitted.key.task, submitted.key.attempt);
    Ok(Found {
        printed: printed(by, &printout.end, printout.missing),
        links: printout.links,
        comes_later: printout.comes_later,
    })
}

async fn at_instance<P: Ports, O: Printouts>(
    ports: &P,
    printouts: &O,
    key: &InstanceKey,
) -> Result<Found, Trouble> {
    let key = Key::Instance(key.clone());
    let instance = ports.store().get::<Instance>(&key).await?;
    let id = instance.and_then(|instance| instance.value.id);
    Ok(Found {
        links: id.map_or_else(Vec::new, |id| printouts.links_of(&id)),
        ..Found::default()
    })
}

async fn wants_lines<P: Ports>(ports: &P, team: &TeamName) -> Result<bool, Trouble> {
    let key = Key::CurrentAlerts(team.clone());
    let alerts = ports.store().get::<CurrentAlerts>(&key).await?;
    Ok(alerts.is_none_or(|alerts| alerts.value.log_lines))
}
