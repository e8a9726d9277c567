//! What tests tell and ask the stand-in itself, beside the services' own protocols.
//!
//! | request | |
//! |---|---|
//! | `GET /_stand-in/health` | answers when it is ready |
//! | `GET /_stand-in/calls` | every call since it was started |
//! | `GET /_stand-in/faults`, `PUT` | what goes wrong from now on, as a whole |
//! | `POST /_stand-in/clusters/<id>/kill` | pulls a cluster's plug |
//! | `GET /_stand-in/jobs`, `steps` | everything ever submitted, as it was asked for, and its state |
//! | `GET /_stand-in/work` | how much runs right now |

use std::sync::Mutex;

use hyper::Method;
use local::compute_events::LocalCompute as _;
use serde_json::{Value, json};

use crate::drive::{kill, lock};
use crate::world::{Job, Step, World};
use crate::{batch, emr};

/// The beginning of every path of this.
pub const PREFIX: &str = "/_stand-in/";

/// Answers with a status and a body.
pub fn answer(world: &Mutex<World>, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
    let mut world = lock(world);
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    match (method.as_str(), path) {
        ("GET", "health") => (200, json!({ "ready": true })),
        ("GET", "calls") => (200, json!(world.calls)),
        ("GET", "jobs") => (200, world.jobs.iter().map(job).collect()),
        ("GET", "steps") => (200, world.steps.iter().map(step).collect()),
        ("GET", "work") => (200, json!({ "processes": world.compute.in_flight() })),
        ("GET", "faults") => (200, json!(world.faults)),
        ("PUT", "faults") => match serde_json::from_slice(body) {
            Ok(faults) => {
                world.faults = faults;
                (200, json!(world.faults))
            }
            Err(error) => (400, json!({ "message": error.to_string() })),
        },
        ("POST", path) => match path
            .strip_prefix("clusters/")
            .and_then(|it| it.strip_suffix("/kill"))
        {
            Some(id) if kill(&world, id, "its plug was pulled") => (200, json!({})),
            Some(id) => (404, json!({ "message": format!("{id} is not up") })),
            None => (404, json!({ "message": path })),
        },
        (_, path) => (404, json!({ "message": path })),
    }
}

fn job(job: &Job) -> Value {
    let mut shown = job.asked.clone();
    shown["jobId"] = job.id.as_str().into();
    shown["status"] = batch::status(job).into();
    shown
}

fn step(step: &Step) -> Value {
    let mut shown = step.asked.clone();
    shown["Id"] = step.id.as_str().into();
    shown["ClusterId"] = step.cluster.as_str().into();
    shown["State"] = emr::state_of_step(step).into();
    shown
}
