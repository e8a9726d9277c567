//! Slack's Web API, as far as messages are posted and edited.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The token it takes.
pub const TOKEN: &str = "xoxb-canary-0e2e";

/// Slack, for as long as the suite lives.
pub struct Slack {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Timestamp,
    /// Such as `chat.postMessage`.
    pub method: String,
    pub message: Value,
}

impl Slack {
    /// Starts it.
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

    /// All that was said of something, in order.
    pub fn said_of(&self, what: &str) -> Vec<Asked> {
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
    let method = path.unwrap_or_default().trim_start_matches("/api/");
    let answer = if header("authorization") == format!("Bearer {TOKEN}") {
        let mut asked = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let ts = format!("{}.000100", 1_700_000_000 + asked.len());
        asked.push(Asked {
            at: Timestamp::now(),
            method: method.to_owned(),
            message: serde_json::from_slice(&body)?,
        });
        json!({ "ok": true, "channel": "C0E2E", "ts": ts })
    } else {
        json!({ "ok": false, "error": "invalid_auth" })
    };
    let answer = answer.to_string();
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{answer}"
    )?;
    Ok(())
}
