//! Steps: added, listed, described, cancelled.

use std::collections::BTreeMap;

use model::id::{EmrClusterId, SubmissionId};
use model::observation::WorkState;
use model::task::Place;
use ports::{Compute as _, Submission, SubmitError, Work};
use serde_json::{Value, json};

use super::clusters::{known, marker, takes_steps};
use super::{PAGE, shape};
use crate::answer::Refusal;
use crate::names;
use crate::read::{entries, page, text, texts};
use crate::world::{Step, World};

/// The most steps one call adds, and the most that are open at once.
const STEPS: usize = 256;
/// Characters of a step's name.
const NAME: usize = 256;
/// Characters of all strings of a step.
const CHARACTERS: usize = 10_240;
/// The most ids one call lists.
const IDS: usize = 10;
/// The jar that runs a program with arguments.
const COMMAND_RUNNER: &str = "command-runner.jar";
const ACTIONS: [&str; 4] = [
    "TERMINATE_JOB_FLOW",
    "TERMINATE_CLUSTER",
    "CANCEL_AND_WAIT",
    "CONTINUE",
];

/// Adds all steps of a call, or none.
pub fn add(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    let id = text(body, "JobFlowId");
    let unknown = || Refusal::validation("Specified job flow ID does not exist.");
    let cluster = world.clusters.get(id).ok_or_else(unknown)?;
    if !takes_steps(cluster.state) {
        let message =
            "A job flow that is shutting down, terminated, or finished may not be modified.";
        return Err(Refusal::validation(message));
    }
    let steps = entries(body, "Steps");
    if steps.is_empty() || steps.len() > STEPS {
        let message = format!("Specify between 1 and {STEPS} steps.");
        return Err(Refusal::validation(message));
    }
    for step in steps {
        check(step, cluster.step_concurrency())?;
    }
    if world.open_steps(id).count() + steps.len() > STEPS {
        let message = "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.";
        return Err(Refusal::validation(message));
    }
    let first = world.steps.len() + 1;
    let numbered = steps.iter().zip(first..);
    let work: Vec<Submission> = numbered
        .map(|(step, number)| submission(step, number))
        .collect();
    let place = Place::Instance(EmrClusterId::from(id));
    let ids: Result<Vec<SubmissionId>, SubmitError> =
        pollster::block_on(world.compute.submit(&place, &work))
            .into_iter()
            .collect();
    let ids = ids.map_err(|error| Refusal::validation(error.to_string()))?;
    let now_ms = world.now_ms();
    for (step_id, asked) in ids.iter().zip(steps) {
        let step = Step {
            id: step_id.to_string(),
            cluster: id.to_owned(),
            asked: asked.clone(),
            role: body["ExecutionRoleArn"].as_str().map(str::to_owned),
            state: WorkState::Pending,
            cancel_asked: false,
            reason: None,
            created_ms: now_ms,
            started_ms: None,
            ended_ms: None,
        };
        world.steps.push(step);
        crate::events::step(world, world.steps.len() - 1);
    }
    Ok(json!({ "StepIds": ids }))
}

/// Checks what is asked for.
pub fn check(step: &Value, step_concurrency: u64) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::validation(message));
    let (name, jar) = (text(step, "Name"), &step["HadoopJarStep"]);
    let action = step["ActionOnFailure"].as_str().unwrap_or("CONTINUE");
    let arguments = texts(jar, "Args");
    let strings = arguments.into_iter().chain([name, text(jar, "Jar")]);
    let characters: usize = strings.map(|text| text.chars().count()).sum();
    if name.is_empty() || name.chars().count() > NAME {
        refuse(format!("A step's name must have 1 to {NAME} characters."))
    } else if text(jar, "Jar").is_empty() {
        refuse("HadoopJarStep.Jar is required.".into())
    } else if characters > CHARACTERS {
        refuse(format!(
            "The total number of characters of a step must not exceed {CHARACTERS}."
        ))
    } else if !ACTIONS.contains(&action) {
        refuse(format!("ActionOnFailure '{action}' is not valid."))
    } else if step_concurrency > 1 && action != "CONTINUE" {
        refuse(format!(
            "ActionOnFailure {action} is not supported with a StepConcurrencyLevel above 1."
        ))
    } else {
        Ok(())
    }
}

/// The step as the local compute has it.
fn submission(step: &Value, number: usize) -> Submission {
    let jar = &step["HadoopJarStep"];
    let arguments = texts(jar, "Args").into_iter().map(str::to_owned);
    let argv: Vec<String> = match text(jar, "Jar") {
        COMMAND_RUNNER => arguments.collect(),
        other => ["hadoop", "jar", other]
            .map(str::to_owned)
            .into_iter()
            .chain(arguments)
            .collect(),
    };
    Submission {
        key: names::attempt(text(step, "Name"), number),
        work: Work::Step { argv },
        timeout: None,
        execution_role: None,
        tags: BTreeMap::new(),
    }
}

pub fn list(world: &World, body: &Value) -> Result<Value, Refusal> {
    let cluster = known(world, text(body, "ClusterId"))?;
    let (states, ids) = (texts(body, "StepStates"), texts(body, "StepIds"));
    if !states.is_empty() && !ids.is_empty() {
        let message = "StepStates and StepIds cannot be used together.";
        return Err(Refusal::invalid(message));
    }
    if ids.len() > IDS {
        return Err(Refusal::invalid(format!("Specify at most {IDS} step ids.")));
    }
    let of_cluster = |step: &&Step| step.cluster == cluster.id;
    let steps: Vec<&Step> = world.steps.iter().rev().filter(of_cluster).collect();
    let is_there = |id: &&str| steps.iter().any(|step| step.id == **id);
    if let Some(unknown) = ids.iter().find(|id| !is_there(id)) {
        return Err(Refusal::invalid(format!(
            "Step id '{unknown}' is not valid."
        )));
    }
    let wanted = steps.into_iter().filter(|step| {
        (ids.is_empty() || ids.contains(&step.id.as_str()))
            && (states.is_empty() || states.contains(&shape::state_of_step(step)))
    });
    let page = page(wanted, &body["Marker"], PAGE).ok_or_else(|| marker(body))?;
    let steps: Vec<Value> = page.entries.into_iter().map(shape::step).collect();
    Ok(shape::with_marker(json!({ "Steps": steps }), page.next))
}

pub fn describe(world: &World, body: &Value) -> Result<Value, Refusal> {
    let (cluster, id) = (text(body, "ClusterId"), text(body, "StepId"));
    known(world, cluster)?;
    let is_it = |step: &&Step| step.cluster == cluster && step.id == id;
    let step = world.steps.iter().find(is_it);
    let step = step.ok_or_else(|| Refusal::invalid(format!("Step id '{id}' is not valid.")))?;
    let mut shown = shape::step(step);
    if let Some(role) = &step.role {
        shown["ExecutionRoleArn"] = role.as_str().into();
    }
    Ok(json!({ "Step": shown }))
}

/// Asks each step to stop; what can be told of it at once is told, the rest comes to pass.
pub fn cancel(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    let cluster = known(world, text(body, "ClusterId"))?.id.clone();
    let ids = texts(body, "StepIds");
    if ids.is_empty() || ids.len() > STEPS {
        return Err(Refusal::invalid(format!(
            "Specify between 1 and {STEPS} step ids."
        )));
    }
    let mut told = Vec::new();
    let mut stopping = Vec::new();
    for id in ids {
        let mut steps = world.steps.iter_mut();
        let step = steps.find(|step| step.cluster == cluster && step.id == id);
        told.push(match step {
            Some(step) if !step.state.is_terminal() => {
                step.cancel_asked = true;
                stopping.push(SubmissionId::from(id));
                json!({ "StepId": id, "Status": "SUBMITTED" })
            }
            Some(step) => {
                let state = shape::state_of_step(step);
                let reason = format!("Cannot cancel a step in state {state}.");
                json!({ "StepId": id, "Status": "FAILED", "Reason": reason })
            }
            None => {
                let reason = "The step does not belong to the cluster.";
                json!({ "StepId": id, "Status": "FAILED", "Reason": reason })
            }
        });
    }
    stop(world, &cluster, &stopping, "Cancelled by user");
    Ok(json!({ "CancelStepsInfoList": told }))
}

/// Cancels what has not begun.
pub fn cancel_pending(world: &mut World, cluster: &str) {
    let pending = world.open_steps(cluster);
    let pending = pending.filter(|step| step.state == WorkState::Pending);
    let ids: Vec<SubmissionId> = pending
        .map(|step| SubmissionId::from(step.id.as_str()))
        .collect();
    stop(
        world,
        cluster,
        &ids,
        "Cancelled because a step before it failed",
    );
}

fn stop(world: &World, cluster: &str, ids: &[SubmissionId], reason: &str) {
    let place = Place::Instance(EmrClusterId::from(cluster));
    let asked = pollster::block_on(world.compute.cancel(&place, ids, reason));
    asked.expect("the local compute's memory can be written");
}
