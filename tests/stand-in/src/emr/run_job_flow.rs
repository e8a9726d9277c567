//! RunJobFlow.

use std::collections::BTreeMap;

use model::definition::{CatchUp, Cluster as Definition, EmrSpec, ScheduleSpec};
use model::observation::ClusterState;
use model::units::Seconds;
use ports::{ClusterRequest, Compute as _};
use serde_json::{Value, json};

use super::{shape, steps};
use crate::answer::Refusal;
use crate::names;
use crate::read::{entries, text};
use crate::world::{Cluster, World};

/// Characters of a name.
const NAME: usize = 256;
const STEP_CONCURRENCY: std::ops::RangeInclusive<u64> = 1..=256;
const IDLE_S: std::ops::RangeInclusive<u64> = 60..=604_800;

/// Brings up a cluster.
pub fn run(world: &mut World, body: &Value) -> Result<Value, Refusal> {
    check(body)?;
    for step in entries(body, "Steps") {
        steps::check(step, body["StepConcurrencyLevel"].as_u64().unwrap_or(1))?;
    }
    let number = world.clusters.len() + 1;
    let request = request(body, number);
    let asked = pollster::block_on(world.compute.request_cluster(&request));
    let id =
        asked.map_err(|error| Refusal::of(500, "InternalServerException", error.to_string()))?;
    let id = id.to_string();
    let cluster = Cluster {
        id: id.clone(),
        asked: body.clone(),
        state: ClusterState::Starting,
        reason: None,
        created_ms: world.now_ms(),
        ready_ms: None,
        ended_ms: None,
        protected: body["Instances"]["TerminationProtected"] == true,
        public_name: world.faults.public_names,
        fails_to_bootstrap: world.faults.take_failing_bootstrap(&body.to_string()),
        number,
    };
    let arn = shape::cluster_arn(world, &id);
    world.clusters.insert(id.clone(), cluster);
    if !entries(body, "Steps").is_empty() {
        steps::add(world, &json!({ "JobFlowId": id, "Steps": body["Steps"] }))?;
    }
    Ok(json!({ "JobFlowId": id, "ClusterArn": arn }))
}

fn check(body: &Value) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::validation(message));
    let instances = &body["Instances"];
    let has = |name: &str| !entries(instances, name).is_empty();
    let idle = &body["AutoTerminationPolicy"]["IdleTimeout"];
    let name = text(body, "Name");
    if name.is_empty() || name.chars().count() > NAME {
        refuse(format!("Name must have 1 to {NAME} characters."))
    } else if text(body, "ReleaseLabel").is_empty() {
        refuse("ReleaseLabel is required.".into())
    } else if text(body, "ServiceRole").is_empty() || text(body, "JobFlowRole").is_empty() {
        refuse("ServiceRole and JobFlowRole are required.".into())
    } else if has("InstanceGroups") == has("InstanceFleets") {
        refuse("Specify either InstanceGroups or InstanceFleets, not both.".into())
    } else if has("InstanceFleets") && !text(instances, "Ec2SubnetId").is_empty() {
        refuse("Instance fleets take Ec2SubnetIds, not Ec2SubnetId.".into())
    } else if !fits(&body["StepConcurrencyLevel"], STEP_CONCURRENCY) {
        refuse("StepConcurrencyLevel must be between 1 and 256.".into())
    } else if !fits(idle, IDLE_S) {
        refuse("IdleTimeout must be between 60 and 604800 seconds.".into())
    } else {
        Ok(())
    }
}

fn fits(value: &Value, range: std::ops::RangeInclusive<u64>) -> bool {
    value.is_null() || value.as_u64().is_some_and(|number| range.contains(&number))
}

/// The request as the local compute has it. Of a definition it needs nothing but these.
fn request(body: &Value, number: usize) -> ClusterRequest {
    let instance = names::instance(text(body, "Name"), number);
    let never = ScheduleSpec {
        expression: "at(2000-01-01T00:00:00)".into(),
        timezone: "UTC".into(),
        catch_up: CatchUp::None,
    };
    let applications = entries(body, "Applications").iter();
    let concurrency = body["StepConcurrencyLevel"].as_u64().unwrap_or(1);
    let idle_s = body["AutoTerminationPolicy"]["IdleTimeout"].as_u64();
    let cluster = Definition {
        team: instance.cluster.team.clone(),
        name: instance.cluster.name.clone(),
        description: None,
        provision: never.clone(),
        terminate: never,
        drain: Seconds(0),
        tags: BTreeMap::new(),
        step_concurrency: u32::try_from(concurrency).unwrap_or(u32::MAX),
        replacements: 0,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec {
            release: text(body, "ReleaseLabel").to_owned(),
            applications: applications
                .map(|one| text(one, "Name").to_owned())
                .collect(),
            auto_termination: Seconds(idle_s.unwrap_or(0)),
            ..EmrSpec::default()
        },
    };
    ClusterRequest { instance, cluster }
}
