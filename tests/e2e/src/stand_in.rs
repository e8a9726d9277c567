//! The stand-in for EMR and Batch: started, told what goes wrong.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use stand_in::faults::{CallEnd, CallFault, EventEnd, EventFault, Faults};

use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::process::{Service, request};

/// Sources of its events: those of AWS are refused from anybody else.
pub const EMR_SOURCE: &str = "standin.emr";
pub const BATCH_SOURCE: &str = "standin.batch";

/// The stand-in, as long as it is kept.
pub struct StandIn {
    pub url: String,
    _service: Service,
}

impl StandIn {
    /// Starts it; rights are the emulator's to decide about.
    pub fn start(
        program: &Path,
        emulator: &Emulator,
        configuration: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("--data")
            .arg(folder.join("stand-in"))
            .arg("--configuration")
            .arg(configuration)
            .args(["--events", &emulator.url])
            .args(["--emr-source", EMR_SOURCE, "--batch-source", BATCH_SOURCE])
            .args(["--region", REGION, "--account", ACCOUNT])
            .args([
                "--authorizer",
                &format!("{}/_emulator/authorize", emulator.url),
            ]);
        let mut service = Service::start("stand-in", &mut command, folder)?;
        let url = service.first_line()?;
        Ok(Self {
            url,
            _service: service,
        })
    }

    /// Lets calls and events go wrong, besides those that do already.
    pub fn add_faults(&self, more: Faults) -> Result<()> {
        let url = format!("{}/_stand-in/faults", self.url);
        let mut faults: Faults = serde_json::from_str(&request("GET", &url, None)?)?;
        faults.calls.extend(more.calls);
        faults.events.extend(more.events);
        faults.failing_bootstraps.extend(more.failing_bootstraps);
        faults.public_names |= more.public_names;
        faults.hang_ms = faults.hang_ms.max(more.hang_ms);
        request("PUT", &url, Some(&json!(faults).to_string()))?;
        Ok(())
    }

    /// Pulls a cluster's plug.
    pub fn kill(&self, cluster: &str) -> Result<()> {
        let url = format!("{}/_stand-in/clusters/{cluster}/kill", self.url);
        request("POST", &url, None)?;
        Ok(())
    }

    /// Every job so far as it was asked for, oldest first, with its `jobId` and `status`.
    pub fn jobs(&self) -> Result<Vec<Value>> {
        let answer = request("GET", &format!("{}/_stand-in/jobs", self.url), None)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Every step so far, oldest first, with its `Id`, `ClusterId` and `State`.
    pub fn steps(&self) -> Result<Vec<Value>> {
        let answer = request("GET", &format!("{}/_stand-in/steps", self.url), None)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Every call so far.
    pub fn calls(&self) -> Result<Vec<Value>> {
        let answer = request("GET", &format!("{}/_stand-in/calls", self.url), None)?;
        Ok(serde_json::from_str(&answer)?)
    }
}

/// A call that goes wrong.
pub fn call(operation: &str, about: &str, becomes: CallEnd) -> CallFault {
    CallFault {
        operation: operation.to_owned(),
        about: about.to_owned(),
        becomes,
    }
}

/// Events of EMR that go wrong.
pub fn emr_events(about: &str, becomes: EventEnd) -> EventFault {
    events(stand_in::asked::Service::Emr, about, becomes)
}

/// Events of Batch that go wrong.
pub fn batch_events(about: &str, becomes: EventEnd) -> EventFault {
    events(stand_in::asked::Service::Batch, about, becomes)
}

fn events(service: stand_in::asked::Service, about: &str, becomes: EventEnd) -> EventFault {
    EventFault {
        service,
        about: about.to_owned(),
        states: std::collections::BTreeSet::new(),
        becomes,
    }
}
