//! Incidents, what they are made of, and what each destination of alerts was told of them.
//!
//! | partition | sort | item |
//! |---|---|---|
//! | `INCIDENT#<root>` | `incident` | [`Incident`] |
//! | `INCIDENT#<root>` | `symptom#<what>` | [`Symptom`] |
//! | `TEAM#<team>` | `open#<root>` | [`OpenIncident`]: what people look through |
//! | `RUN#<run>` | `incidents` | [`RunIncidents`]: where symptoms of a run are |
//! | `TEAM#<team>` | `alerts` | [`CurrentAlerts`]: a team's routes |
//! | `ROUTE#<team>/<route>` | `pace` | [`Pace`] |
//! | `ROUTE#<team>/<route>` | `notice#<root>` | [`Notice`]: what the route was told of an incident |
//! | `ROUTE#<team>/<route>` | `folded#<root>` | [`Folded`]: what its next digest is to tell |

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cluster::InstanceKey;
use crate::definition::{AlertRoute, is_yes, yes};
use crate::id::{RunId, digest};
use crate::key::Key;
use crate::message::Function;
use crate::name::{ClusterRef, Name, TaskName, TeamName};
use crate::record::Record;
use crate::task::FailureClass;

/// What is at the root of an incident, and so its identity; written `run/<run>`,
/// `cluster/<team>/<name>` or `inbox/<function>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Root {
    /// The work of a run.
    Run(RunId),
    /// A cluster, whatever failed with it.
    Cluster(ClusterRef),
    /// A function's inbox, of which messages were set aside.
    Inbox(Function),
}

/// Says that a text names no root of an incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no incident: expected `run/<run>`, `cluster/<team>/<name>` or `inbox/<function>`"
)]
pub struct NotAnIncident(pub String);

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run/{run}"),
            Self::Cluster(cluster) => write!(f, "cluster/{cluster}"),
            Self::Inbox(function) => write!(f, "inbox/{function}"),
        }
    }
}

impl FromStr for Root {
    type Err = NotAnIncident;

    fn from_str(text: &str) -> Result<Self, NotAnIncident> {
        let wrong = || NotAnIncident(text.to_owned());
        match text.split_once('/').ok_or_else(wrong)? {
            ("run", run) if !run.is_empty() => Ok(Self::Run(run.into())),
            ("cluster", cluster) => cluster.parse().map(Self::Cluster).map_err(|_| wrong()),
            ("inbox", inbox) => Function::named(inbox).map(Self::Inbox).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Root {
    type Error = NotAnIncident;
    fn try_from(text: String) -> Result<Self, NotAnIncident> {
        text.parse()
    }
}

impl From<Root> for String {
    fn from(root: Root) -> String {
        root.to_string()
    }
}

/// Something that went wrong and that people hear of once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub incident: Root,
    /// Whose routes are told.
    pub team: TeamName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Name>,
    pub state: IncidentState,
    /// Counts how often it was opened.
    pub opening: u32,
    pub opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// When its routes look at it again; whoever adds a symptom later asks for another look.
    pub look_at: Timestamp,
}

/// Whether something of an incident is still wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    Open,
    Resolved,
}

/// That an incident of a team is open; removed in the commit that resolves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenIncident {
    pub team: TeamName,
    pub incident: Root,
    pub opened_at: Timestamp,
}

/// One thing that is wrong. It stands until it is cleared: a run's by the run's success, or when
/// somebody cancels the run; a cluster's once a newer instance is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    pub incident: Root,
    pub symptom: SymptomRef,
    /// Whose it is; an incident of a cluster may have symptoms of other teams.
    pub team: TeamName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Name>,
    /// Of the run; 0 of what has none.
    pub generation: u32,
    /// Of the task; 0 of what has none.
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fact's time.
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
}

/// What is wrong; written as a path, such as `task/<run>/<task>`, `deadline/<run>` or
/// `instance/<instance>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SymptomRef {
    /// A task failed for good.
    Task(RunId, TaskName),
    /// A run failed, and no task says why.
    Run(RunId),
    /// A run had not succeeded by its deadline.
    Deadline(RunId),
    /// A run will probably not have succeeded by its deadline.
    AtRisk(RunId),
    /// A run takes far longer than others did.
    Slow(RunId),
    /// The tick that should have started a run did not come.
    Tick(RunId),
    /// An instance failed.
    Instance(InstanceKey),
    /// An instance has had no work for long.
    Idle(InstanceKey),
    /// An instance outlives its window and its drain.
    Leaked(InstanceKey),
    /// The tick that should have provisioned an instance did not come.
    Late(InstanceKey),
    /// Messages of a function's inbox lie among its dead letters.
    Letters(Function),
}

impl SymptomRef {
    /// The run it is of, if it is of one.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Task(run, _)
            | Self::Run(run)
            | Self::Deadline(run)
            | Self::AtRisk(run)
            | Self::Slow(run)
            | Self::Tick(run) => Some(run),
            Self::Instance(_)
            | Self::Idle(_)
            | Self::Leaked(_)
            | Self::Late(_)
            | Self::Letters(_) => None,
        }
    }

    /// How bad it is, unless the workflow says otherwise.
    pub fn severity(&self) -> Severity {
        match self {
            Self::AtRisk(_) | Self::Slow(_) | Self::Tick(_) | Self::Idle(_) | Self::Late(_) => {
                Severity::Warning
            }
            Self::Task(..)
            | Self::Run(_)
            | Self::Instance(_)
            | Self::Leaked(_)
            | Self::Letters(_) => Severity::Error,
            Self::Deadline(_) => Severity::Critical,
        }
    }

    /// The type of fact that told of it, without `murmur.` and version.
    pub fn fact(&self) -> &'static str {
        match self {
            Self::Task(..) => "task.failed",
            Self::Run(_) => "run.failed",
            Self::Deadline(_) => "deadline.missed",
            Self::AtRisk(_) => "deadline.at_risk",
            Self::Slow(_) => "run.slow",
            Self::Tick(_) | Self::Late(_) => "tick.missed",
            Self::Instance(_) => "cluster.failed",
            Self::Idle(_) => "cluster.idle",
            Self::Leaked(_) => "cluster.leaked",
            Self::Letters(_) => "letters.set_aside",
        }
    }
}

impl fmt::Display for SymptomRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(run, task) => write!(f, "task/{run}/{task}"),
            Self::Run(run) => write!(f, "run/{run}"),
            Self::Deadline(run) => write!(f, "deadline/{run}"),
            Self::AtRisk(run) => write!(f, "at-risk/{run}"),
            Self::Slow(run) => write!(f, "slow/{run}"),
            Self::Tick(run) => write!(f, "tick/{run}"),
            Self::Instance(instance) => write!(f, "instance/{instance}"),
            Self::Idle(instance) => write!(f, "idle/{instance}"),
            Self::Leaked(instance) => write!(f, "leaked/{instance}"),
            Self::Late(instance) => write!(f, "late/{instance}"),
            Self::Letters(function) => write!(f, "letters/{function}"),
        }
    }
}

/// Says that a text names no symptom.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no symptom")]
pub struct NotASymptom(pub String);

impl FromStr for SymptomRef {
    type Err = NotASymptom;

    fn from_str(text: &str) -> Result<Self, NotASymptom> {
        let wrong = || NotASymptom(text.to_owned());
        let instance = |text: &str| text.parse().map_err(|_| wrong());
        match text.split_once('/').ok_or_else(wrong)? {
            ("task", rest) => {
                let (run, task) = rest.split_once('/').ok_or_else(wrong)?;
                Ok(Self::Task(run.into(), task.parse().map_err(|_| wrong())?))
            }
            ("run", run) => Ok(Self::Run(run.into())),
            ("deadline", run) => Ok(Self::Deadline(run.into())),
            ("at-risk", run) => Ok(Self::AtRisk(run.into())),
            ("slow", run) => Ok(Self::Slow(run.into())),
            ("tick", run) => Ok(Self::Tick(run.into())),
            ("instance", rest) => Ok(Self::Instance(instance(rest)?)),
            ("idle", rest) => Ok(Self::Idle(instance(rest)?)),
            ("leaked", rest) => Ok(Self::Leaked(instance(rest)?)),
            ("late", rest) => Ok(Self::Late(instance(rest)?)),
            ("letters", inbox) => Function::named(inbox).map(Self::Letters).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for SymptomRef {
    type Error = NotASymptom;
    fn try_from(text: String) -> Result<Self, NotASymptom> {
        text.parse()
    }
}

impl From<SymptomRef> for String {
    fn from(symptom: SymptomRef) -> String {
        symptom.to_string()
    }
}

/// The facts alerts are about, as [`SymptomRef::fact`] names them.
pub const FACTS: [&str; 10] = [
    "task.failed",
    "run.failed",
    "run.slow",
    "deadline.missed",
    "deadline.at_risk",
    "tick.missed",
    "cluster.failed",
    "cluster.idle",
    "cluster.leaked",
    "letters.set_aside",
];

/// How bad something is; routes may want only what is bad enough.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may become worse.
    #[default]
    Warning,
    Error,
    /// Somebody is to be woken up: quiet hours do not hold it back.
    Critical,
}

/// The incidents that have symptoms of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunIncidents {
    pub run: RunId,
    pub incidents: BTreeSet<Root>,
}

/// A team's routes, as its `team.yaml` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentAlerts {
    pub team: TeamName,
    #[serde(default)]
    pub routes: Vec<AlertRoute>,
    /// Whether messages hold the last lines that failed work printed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub log_lines: bool,
}

/// Names a route; written `<team>/<channel>-<hash>`, where the hash is of all the route says but
/// what it filters by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteRef {
    pub team: TeamName,
    pub route: String,
}

impl RouteRef {
    /// The name of a team's route.
    pub fn of(team: &TeamName, route: &AlertRoute) -> Self {
        let channel = route.channel.word();
        let secret = route.secret.as_deref().unwrap_or_default();
        let hash = digest([channel, route.to.as_str(), secret]);
        Self {
            team: team.clone(),
            route: format!("{channel}-{}", &hash[..12]),
        }
    }
}

impl fmt::Display for RouteRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.team, self.route)
    }
}

/// When a route may be used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    pub route: RouteRef,
    /// Nothing is posted before.
    pub next_at: Timestamp,
    /// Since when posts are counted, and how many there were.
    pub since: Timestamp,
    pub posts: u32,
    /// When the next digest is posted; what is folded into it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_at: Option<Timestamp>,
}

/// What a route was told of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub route: RouteRef,
    pub incident: Root,
    /// What was told last; `None` when nothing was told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
    /// Present from before a post until its answer: a repeat after a crash says that it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// When reconcile asks for it again: at the end of quiet hours, or once what work printed can be
    /// read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// What was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    pub state: IncidentState,
    pub opening: u32,
    /// How many symptoms it named or counted, and the newest of them.
    pub symptoms: u32,
    pub newest_at: Timestamp,
    pub at: Timestamp,
    /// How bad it was said to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// From when on what failed work printed can be read, where it could not be when this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_at: Option<Timestamp>,
    /// By what the channel finds the message again, where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// That something is about to be posted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub at: Timestamp,
    /// Until when nobody else may try.
    pub lease_until: Timestamp,
}

/// That an incident is told of in the route's next digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    pub route: RouteRef,
    pub incident: Root,
    pub at: Timestamp,
}

/// What the alert function asks of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertRequest {
    /// Look whether a route is to be told of an incident.
    Notice { route: RouteRef, incident: Root },
    /// Post what was folded.
    Digest { route: RouteRef },
}

impl Record for Incident {
    const KIND: &'static str = "incident";
    fn key(&self) -> Key {
        Key::Incident(self.incident.clone())
    }
}

impl Record for OpenIncident {
    const KIND: &'static str = "open_incident";
    fn key(&self) -> Key {
        Key::OpenIncident(self.team.clone(), self.incident.clone())
    }
}

impl Record for Symptom {
    const KIND: &'static str = "symptom";
    fn key(&self) -> Key {
        Key::Symptom(self.incident.clone(), self.symptom.clone())
    }
}

impl Record for RunIncidents {
    const KIND: &'static str = "run_incidents";
    fn key(&self) -> Key {
        Key::RunIncidents(self.run.clone())
    }
}

impl Record for CurrentAlerts {
    const KIND: &'static str = "current_alerts";
    fn key(&self) -> Key {
        Key::CurrentAlerts(self.team.clone())
    }
}

impl Record for Pace {
    const KIND: &'static str = "pace";
    fn key(&self) -> Key {
        Key::Pace(self.route.clone())
    }
}

impl Record for Notice {
    const KIND: &'static str = "notice";
    fn key(&self) -> Key {
        Key::Notice(self.route.clone(), self.incident.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Record for Folded {
    const KIND: &'static str = "folded";
    fn key(&self) -> Key {
        Key::Folded(self.route.clone(), self.incident.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_symptoms_read_back_as_they_are_written() {
        for text in ["run/team--flow--slot", "cluster/team/red", "inbox/alert"] {
            assert_eq!(text.parse::<Root>().unwrap().to_string(), text);
        }
        let symptoms = [
            "task/team--flow--slot/clean",
            "run/team--flow--slot",
            "deadline/team--flow--slot",
            "at-risk/team--flow--slot",
            "instance/team--red--20260301t080000z--1",
            "letters/submit-task",
        ];
        for text in symptoms {
            assert_eq!(text.parse::<SymptomRef>().unwrap().to_string(), text);
        }
        for wrong in ["", "run/", "cluster/red", "place/team/red", "inbox/red"] {
            assert!(wrong.parse::<Root>().is_err(), "{wrong}");
        }
        for wrong in ["", "task/run", "instance/red", "step/run", "letters/"] {
            assert!(wrong.parse::<SymptomRef>().is_err(), "{wrong}");
        }
    }
}
