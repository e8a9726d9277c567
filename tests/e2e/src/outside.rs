//! What lies outside AWS and is posted to: Slack's Web API, and whoever keeps traces and lineage.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                // Whoever breaks off is not answered.
                std::thread::spawn(move || drop(answer(stream, &kept)));
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
fn answer(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>) -> Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let (mut head, mut line) = (Vec::new(), String::new());
    while lines.read_line(&mut line)? > 2 {
        head.push(std::mem::take(&mut line));
    }
    let header = |name: &str| {
        let mut values = head.iter().filter_map(|line| line.split_once(':'));
        let found = values.find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    };
    let mut body = vec![0; header("content-length").parse()?];
    lines.read_exact(&mut body)?;
    let path = head.first().and_then(|line| line.split(' ').nth(1));
    let path = path.unwrap_or_default();
    let is_known = match path {
        TRACE => header(TRACES_KEY.0) == TRACES_KEY.1,
        LINEAGE => header("authorization") == format!("Bearer {LINEAGE_KEY}"),
        _ => header("authorization") == format!("Bearer {TOKEN}"),
    };
    let answer = if is_known {
        let mut asked = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let ts = format!("{}.000100", 1_700_000_000 + asked.len());
        asked.push(Asked {
            at: Timestamp::now(),
            path: path.to_owned(),
            message: serde_json::from_slice(&body)?,
        });
        json!({ "ok": true, "channel": "C0E2E", "ts": ts })
    } else {
        json!({ "ok": false, "error": "invalid_auth" })
    };
    let status = if is_known || path.starts_with("/api/chat.") {
        "200 OK"
    } else {
        "401 Unauthorized"
    };
    let answer = answer.to_string();
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{answer}"
    )?;
    Ok(())
}
