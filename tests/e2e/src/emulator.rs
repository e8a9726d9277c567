//! The emulator of AWS: started, asked what it saw, told to fire a schedule.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::process::{Service, request};

/// The account everything happens in.
pub const ACCOUNT: &str = "000000000000";
/// Its region.
pub const REGION: &str = "us-east-1";

/// The emulator, as long as it is kept.
pub struct Emulator {
    pub url: String,
    log: PathBuf,
    _service: Service,
}

/// An authorization the emulator decided about.
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    pub role: Option<String>,
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub denied: bool,
}

/// A schedule as it was created.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schedule {
    pub name: String,
    pub group_name: String,
}

impl Emulator {
    /// Starts it, with rights enforced.
    pub fn start(python: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let log = folder.join("authorizations.jsonl");
        let mut command = Command::new(python);
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/emulator.py"))
            .current_dir(folder)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("AUTH", "true")
            .env("AWS_ENDPOINT_URL", &url)
            .env("MINISTACK_REGION", REGION)
            .env("EMULATOR_LOG", &log)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut service = Service::start("emulator", &mut command, folder)?;
        service.ignore_output();
        service.until_healthy(&format!("{url}/_ministack/health"))?;
        Ok(Self {
            url,
            log,
            _service: service,
        })
    }

    /// Delivers what a schedule delivers at an instant, now.
    pub fn fire(&self, group: &str, name: &str, scheduled: Timestamp) -> Result<()> {
        let query = format!("group={group}&name={name}&scheduled_time={scheduled}");
        let url = format!("{}/_emulator/fire?{query}", self.url);
        request("POST", &url, None)?;
        Ok(())
    }

    /// Lets services fail whoever calls them in a role, until it is told of none.
    pub fn outage(&self, services: &[&str]) -> Result<()> {
        let services = services.join(",");
        let url = format!("{}/_emulator/outage?services={services}", self.url);
        request("POST", &url, None)?;
        Ok(())
    }

    /// Every schedule there is.
    pub fn schedules(&self) -> Result<Vec<Schedule>> {
        let url = format!("{}/_emulator/inspect/schedules", self.url);
        Ok(serde_json::from_str(&request("GET", &url, None)?)?)
    }

    /// Every authorization so far.
    pub fn authorizations(&self) -> Result<Vec<Authorization>> {
        let mut found = Vec::new();
        for entry in self.entries()? {
            if entry["kind"] == "call" {
                found.push(serde_json::from_value(entry)?);
            }
        }
        Ok(found)
    }

    /// How often each schedule has fired, by its group and name.
    pub fn ticks(&self) -> Result<BTreeMap<String, usize>> {
        let mut ticks = BTreeMap::new();
        for entry in self.entries()? {
            if let (Some("tick"), Some(schedule)) =
                (entry["kind"].as_str(), entry["schedule"].as_str())
            {
                *ticks.entry(schedule.to_owned()).or_default() += 1;
            }
        }
        Ok(ticks)
    }

    fn entries(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.log).context("the emulator's log")?;
        let lines = text.lines().filter(|line| line.ends_with('}'));
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}
