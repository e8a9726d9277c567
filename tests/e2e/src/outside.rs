//! What lies outside AWS and is posted to: Slack's Web API, and whoever keeps traces and lineage.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};
use tiny_http::{Request, Response, Server};

/// The token Slack takes.
pub const TOKEN: &str = "xoxb-canary-0e2e";
/// The header whoever keeps traces wants to see, and its value.
pub const TRACES_KEY: (&str, &str) = ("x-api-key", "canary-traces-0e2e");
/// The key whoever keeps lineage takes.
pub const LINEAGE_KEY: &str = "canary-lineage-0e2e";

/// What Slack is asked.
pub const POST: &str = "/api/chat.postMessage";
pub const EDIT: &str = "/api/chat.update";
/// Where a trace and an event of lineage go.
pub const TRACE: &str = "/v1/traces";
pub const LINEAGE: &str = "/api/v1/lineage";

/// All of them, for as long as the suite lives.
pub struct Outside {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Timestamp,
    /// Such as `/api/chat.postMessage`.
    pub path: String,
    pub message: Value,
}

impl Outside {
    /// Starts them.
    pub fn start() -> Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!(error))?;
        let url = format!("http://{}", server.server_addr());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                // Whoever breaks off is not answered.
                drop(answer(request, &kept));
            }
        });
        Ok(Self { url, asked })
    }

    /// All that Slack was told of something, in order.
    pub fn said_of(&self, what: &str) -> Vec<Asked> {
        let slack = [POST, EDIT];
        let mut told = self.told_of(what);
        told.retain(|one| slack.contains(&one.path.as_str()));
        told
    }

    /// All that anybody was told of something, in order.
    pub fn told_of(&self, what: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let about = asked
            .iter()
            .filter(|one| one.message.to_string().contains(what));
        about.cloned().collect()
    }
}

#[allow(clippy::disallowed_methods)] // the deployment under test goes by the machine's clock, too
fn answer(mut request: Request, kept: &Mutex<Vec<Asked>>) -> Result<()> {
    let path = request.url().to_owned();
    let (name, value) = match path.as_str() {
        TRACE => (TRACES_KEY.0, TRACES_KEY.1.to_owned()),
        LINEAGE => ("authorization", format!("Bearer {LINEAGE_KEY}")),
        _ => ("authorization", format!("Bearer {TOKEN}")),
    };
    let mut headers = request.headers().iter();
    let is_known = headers.any(|one| one.field.equiv(name) && one.value.as_str() == value);
    let message = serde_json::from_reader(request.as_reader())?;
    let is_slack = path.starts_with("/api/chat.");
    let answer = if is_known {
        let mut asked = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let ts = format!("{}.000100", 1_700_000_000 + asked.len());
        asked.push(Asked {
            at: Timestamp::now(),
            path,
            message,
        });
        json!({ "ok": true, "channel": "C0E2E", "ts": ts })
    } else {
        json!({ "ok": false, "error": "invalid_auth" })
    };
    // Slack says so in its answer.
    let status = if is_known || is_slack { 200 } else { 401 };
    let answer = Response::from_string(answer.to_string()).with_status_code(status);
    Ok(request.respond(answer)?)
}
