//! What is known of an incident, as far as a route wants to hear of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use choreography::alert::compose::Context;
use choreography::alert::say::{self, Circumstances, Say};
use choreography::alert::summary::Summary;
use choreography::alert::{quiet, symptom};
use choreography::plan::Plan;
use choreography::slot;
use model::Timestamp;
use model::alert::{CurrentAlerts, Incident, Notice, Root, RouteRef, Symptom, SymptomRef};
use model::definition::{AlertRoute, AlertRules};
use model::expected::Deadline;
use model::id::RunId;
use model::key::Key;
use model::name::{TaskName, WorkflowRef};
use model::registry::{CurrentCluster, CurrentWorkflow};
use model::run::Run;
use ports::{Ports, StateStore as _, Trouble, TypedStore as _};
use protocols::{content, plans};

/// An incident with all that is said of it.
pub(crate) struct Known {
    pub incident: Incident,
    pub summary: Summary,
    pub rules: AlertRules,
    pub run: Option<Run>,
    pub plan: Option<Arc<Plan>>,
}

/// Reads a run; `None` before it has begun.
pub(crate) async fn run<P: Ports>(ports: &P, run: &RunId) -> Result<Option<Run>, Trouble> {
    let stored = ports.store().get::<Run>(&Key::Run(run.clone())).await?;
    Ok(stored.map(|stored| stored.value))
}

/// Finds a team's route; `None` when its file does not say it any more.
pub(crate) async fn route<P: Ports>(
    ports: &P,
    wanted: &RouteRef,
) -> Result<Option<AlertRoute>, Trouble> {
    let key = Key::CurrentAlerts(wanted.team.clone());
    let alerts = ports.store().get::<CurrentAlerts>(&key).await?;
    let routes = alerts.into_iter().flat_map(|alerts| alerts.value.routes);
    let mut same = routes.filter(|route| RouteRef::of(&wanted.team, route) == *wanted);
    Ok(same.next())
}

impl Known {
    /// Reads an incident and its symptoms; `None` when there is none.
    pub async fn read<P: Ports>(ports: &P, root: &Root) -> Result<Option<Self>, Trouble> {
        let key = Key::Incident(root.clone());
        let Some(incident) = ports.store().get::<Incident>(&key).await? else {
            return Ok(None);
        };
        let incident = incident.value;
        let (run, plan) = match root {
            Root::Run(id) => work(ports, id, &incident).await?,
            Root::Cluster(_) | Root::Inbox(_) => (None, None),
        };
        let rules = plan
            .as_ref()
            .map_or_else(AlertRules::default, |plan| plan.workflow.alerts.clone());
        let summary = summary(ports, root, &rules).await?;
        Ok(Some(Self {
            incident,
            summary,
            rules,
            run,
            plan,
        }))
    }

    /// Decides what a route is told.
    pub async fn say<P: Ports>(
        &self,
        ports: &P,
        route: &AlertRoute,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Say, Trouble> {
        let zone = self
            .plan
            .as_ref()
            .map(|plan| slot::zone(&plan.workflow.timezone));
        let quiet_until = self
            .rules
            .quiet
            .zip(zone)
            .and_then(|(quiet, zone)| quiet::until(quiet, &zone, now));
        let in_a_row = self.in_a_row(ports).await?;
        let circumstances = Circumstances {
            now,
            quiet_until,
            is_rare: in_a_row < self.rules.in_a_row,
            is_unsure: notice.intent.is_some(),
        };
        let said = notice.said.as_ref();
        Ok(say::say(
            &self.incident,
            &self.summary,
            route,
            said,
            circumstances,
        ))
    }

    /// How many runs have failed in a row, this one included; counted only as far as anybody asks.
    async fn in_a_row<P: Ports>(&self, ports: &P) -> Result<Option<u32>, Trouble> {
        let (Some(wanted), Some(run)) = (self.rules.in_a_row, &self.run) else {
            return Ok(None);
        };
        let (workflow, limit) = (run.workflow_ref(), wanted as usize + 1);
        let store = ports.store();
        let runs = store
            .runs_of(&workflow, Timestamp::MIN, run.logical_date, limit)
            .await?;
        let mut earlier = Vec::with_capacity(runs.len());
        for stored in &runs {
            earlier.push(stored.read::<Run>()?.value);
        }
        Ok(Some(symptom::failed_in_a_row(run, &earlier)))
    }

    /// Reads what is said besides.
    pub async fn context<P: Ports>(&self, ports: &P) -> Result<Context, Trouble> {
        let mut context = Context {
            run: self.run.clone(),
            blocked_tasks: Vec::new(),
            blocked_workflows: Vec::new(),
            deadline_at: None,
            in_a_row: self.in_a_row(ports).await?,
            printed: None,
            links: Vec::new(),
            told: None,
            zone: self.zone(ports).await?,
        };
        let Some(plan) = &self.plan else {
            return Ok(context);
        };
        context.blocked_tasks = self.blocked_tasks(plan);
        let workflow = plan.workflow.reference();
        context.blocked_workflows = downstreams(ports, &workflow).await?;
        if let Some(run) = &self.run {
            let key = Key::Deadline(workflow, run.slot.clone());
            let deadline = ports.store().get::<Deadline>(&key).await?;
            context.deadline_at = deadline.map(|deadline| deadline.value.deadline_at);
        }
        Ok(context)
    }

    fn blocked_tasks(&self, plan: &Plan) -> Vec<TaskName> {
        let position = |one: &Symptom| match &one.symptom {
            SymptomRef::Task(_, task) => plan.position(task),
            SymptomRef::Run(_)
            | SymptomRef::Deadline(_)
            | SymptomRef::AtRisk(_)
            | SymptomRef::Slow(_)
            | SymptomRef::Tick(_)
            | SymptomRef::Idle(_)
            | SymptomRef::Leaked(_)
            | SymptomRef::Late(_)
            | SymptomRef::Letters(_)
            | SymptomRef::Instance(_) => None,
        };
        let failed: BTreeSet<u32> = self.summary.shown.iter().filter_map(position).collect();
        plan.with_below(failed.iter().copied())
            .difference(&failed)
            .map(|position| plan.task(*position).name.clone())
            .collect()
    }

    async fn zone<P: Ports>(&self, ports: &P) -> Result<choreography::TimeZone, Trouble> {
        if let Some(plan) = &self.plan {
            return Ok(slot::zone(&plan.workflow.timezone));
        }
        let Root::Cluster(cluster) = &self.incident.incident else {
            return Ok(slot::zone("UTC"));
        };
        let key = Key::CurrentCluster(cluster.clone());
        let Some(current) = ports.store().get::<CurrentCluster>(&key).await? else {
            return Ok(slot::zone("UTC"));
        };
        let definition = content::cluster(ports, &current.value.definition).await?;
        Ok(slot::zone(&definition.provision.timezone))
    }
}

/// The run at the root, if it has begun, and the plan it goes by or would go by.
async fn work<P: Ports>(
    ports: &P,
    id: &RunId,
    incident: &Incident,
) -> Result<(Option<Run>, Option<Arc<Plan>>), Trouble> {
    let run = run(ports, id).await?;
    let definition = match (&run, &incident.workflow) {
        (Some(run), _) => Some(run.definition.clone()),
        (None, Some(workflow)) => {
            let workflow = WorkflowRef::new(incident.team.clone(), workflow.clone());
            let key = Key::CurrentWorkflow(workflow);
            let current = ports.store().get::<CurrentWorkflow>(&key).await?;
            current.map(|current| current.value.definition)
        }
        (None, None) => None,
    };
    let plan = match definition {
        Some(definition) => Some(plans::plan(ports, &definition).await?),
        None => None,
    };
    Ok((run, plan))
}

/// Adds up all symptoms.
async fn summary<P: Ports>(ports: &P, root: &Root, rules: &AlertRules) -> Result<Summary, Trouble> {
    let partition = Key::incident_partition(root);
    let symptoms = ports
        .store()
        .list::<Symptom>(&partition, "symptom#")
        .await?;
    let mut summary = Summary::default();
    for symptom in symptoms {
        summary.add(symptom.value, rules.severity);
    }
    Ok(summary)
}

async fn downstreams<P: Ports>(
    ports: &P,
    workflow: &WorkflowRef,
) -> Result<Vec<WorkflowRef>, Trouble> {
    let key = Key::CurrentWorkflow(workflow.clone());
    let current = ports.store().get::<CurrentWorkflow>(&key).await?;
    Ok(current.map_or_else(Vec::new, |current| {
        current.value.downstreams.into_iter().collect()
    }))
}
