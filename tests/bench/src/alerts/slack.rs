//! Slack's Web API, as far as messages are posted and edited: a token is asked for, and a channel takes
//! about one post a second (<https://docs.slack.dev/apis/web-api/rate-limits>).

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let own = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = Arc::clone(&own);
                // Whoever breaks off is not answered.
                std::thread::spawn(move || drop(answer(stream, &own)));
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

fn answer(mut stream: TcpStream, kept: &Mutex<Kept>) -> anyhow::Result<()> {
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
    let at = Instant::now();
    let path = head.first().and_then(|line| line.split(' ').nth(1));
    let method = path.unwrap_or_default().trim_start_matches("/api/");
    if header("authorization") != format!("Bearer {TOKEN}") {
        return reply(
            &mut stream,
            "200 OK",
            "",
            &json!({ "ok": false, "error": "invalid_auth" }),
        );
    }
    let message: Value = serde_json::from_slice(&body)?;
    let channel = message["channel"].as_str().unwrap_or_default().to_owned();
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let due = kept.due.entry(channel.clone()).or_insert(at);
    *due = (*due).max(at) + Duration::from_secs(1);
    if *due > at + Duration::from_secs(1) * BURST {
        *due -= Duration::from_secs(1);
        let error = json!({ "ok": false, "error": "ratelimited" });
        return reply(
            &mut stream,
            "429 Too Many Requests",
            "Retry-After: 1\r\n",
            &error,
        );
    }
    let ts = format!("{}.000100", 1_700_000_000 + kept.asked.len());
    kept.asked.push(Asked {
        at,
        method: method.to_owned(),
        message: message.to_string(),
    });
    drop(kept);
    let taken = json!({ "ok": true, "channel": channel, "ts": ts });
    reply(&mut stream, "200 OK", "", &taken)
}

fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &Value) -> anyhow::Result<()> {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )?;
    Ok(())
}
