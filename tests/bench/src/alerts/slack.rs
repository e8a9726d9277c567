//! Slack's Web API, as far as messages are posted and edited: a token is asked for, and a channel takes
//! about one post a second (<https://docs.slack.dev/apis/web-api/rate-limits>).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, Server};

/// The token it takes.
pub const TOKEN: &str = "xoxb-bench";

/// A channel takes a burst of so many, and then one a second.
const BURST: u32 = 3;

/// The server, for as long as the process lives.
pub struct Slack {
    pub url: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    asked: Vec<Asked>,
    /// When each channel's next post is due, were they a second apart.
    due: HashMap<String, Instant>,
}

/// What it took.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    /// Such as `chat.postMessage`.
    pub method: String,
    pub message: String,
}

impl Slack {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!(error))?;
        let url = format!("http://{}", server.server_addr());
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let own = Arc::clone(&kept);
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                // Whoever breaks off is not answered.
                drop(answer(request, &own));
            }
        });
        Ok(Self { url, kept })
    }

    /// How many requests of a method it took.
    pub fn count(&self, method: &str) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.asked.iter().filter(|one| one.method == method).count()
    }

    /// Everything it took, in order.
    pub fn asked(&self) -> impl Iterator<Item = Asked> + use<> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.asked.clone().into_iter()
    }
}

fn answer(mut request: Request, kept: &Mutex<Kept>) -> anyhow::Result<()> {
    let at = Instant::now();
    let method = request.url().trim_start_matches("/api/").to_owned();
    let token = format!("Bearer {TOKEN}");
    let mut headers = request.headers().iter();
    if !headers.any(|one| one.field.equiv("authorization") && one.value.as_str() == token) {
        let error = json!({ "ok": false, "error": "invalid_auth" });
        return Ok(request.respond(Response::from_string(error.to_string()))?);
    }
    let message: Value = serde_json::from_reader(request.as_reader())?;
    let channel = message["channel"].as_str().unwrap_or_default().to_owned();
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let due = kept.due.entry(channel.clone()).or_insert(at);
    *due = (*due).max(at) + Duration::from_secs(1);
    if *due > at + Duration::from_secs(1) * BURST {
        *due -= Duration::from_secs(1);
        drop(kept);
        let error = json!({ "ok": false, "error": "ratelimited" });
        let error = Response::from_string(error.to_string()).with_status_code(429);
        let wait = Header::from_bytes("Retry-After", "1").map_err(|()| anyhow!("no header"))?;
        return Ok(request.respond(error.with_header(wait))?);
    }
    let ts = format!("{}.000100", 1_700_000_000 + kept.asked.len());
    kept.asked.push(Asked {
        at,
        method,
        message: message.to_string(),
    });
    drop(kept);
    let taken = json!({ "ok": true, "channel": channel, "ts": ts });
    Ok(request.respond(Response::from_string(taken.to_string()))?)
}
