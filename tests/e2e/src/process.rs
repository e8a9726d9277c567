//! Programs the suite starts and stops: each with its process group, and with an input whose end is
//! its own end, so that nothing outlives the suite, however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a program has to end by itself.
const TIDY: Duration = Duration::from_secs(20);

/// A program that serves until it is dropped.
pub struct Service {
    name: &'static str,
    child: Child,
    pub log: PathBuf,
}

impl Service {
    /// Starts a program; what it says on stderr goes into a file.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { name, child, log })
    }

    /// Reads the first line it prints.
    pub fn first_line(&mut self) -> Result<String> {
        let stdout = self.child.stdout.take().context("it was read already")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(!line.is_empty(), "{} ended: {}", self.name, self.said());
        Ok(line.trim().to_owned())
    }

    /// Keeps what it prints from filling its pipe.
    pub fn ignore_output(&mut self) {
        if let Some(mut stdout) = self.child.stdout.take() {
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        }
    }

    /// Waits until it answers with success.
    pub fn until_healthy(&mut self, url: &str) -> Result<()> {
        let begun = Instant::now();
        while request("GET", url, None).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}: {}", self.name, self.said());
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "{} is silent",
                self.name
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < TIDY && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Whatever it left behind in its group goes, too.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} does not start", command.get_program().display()))
}

/// Runs a program that must succeed; gives what it prints.
pub fn succeed(command: &mut Command) -> Result<String> {
    let output = run(command)?;
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    ensure!(
        output.status.success(),
        "{command:?} ended with {}\n{stdout}\n{stderr}",
        output.status
    );
    Ok(stdout)
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a request of something on this machine; gives the body of a successful answer.
pub fn request(method: &str, url: &str, body: Option<&str>) -> Result<String> {
    let rest = url
        .strip_prefix("http://")
        .context("a URL of this machine")?;
    let (host, path) = rest.split_once('/').context("a URL with a path")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if chunked {
        joined(body)
    } else {
        body.to_owned()
    };
    ensure!(status == "200", "{method} {url}: {status} {body}");
    Ok(body)
}

/// Joins the chunks of a body.
fn joined(mut chunks: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        if length == 0 || length > rest.len() {
            break;
        }
        whole.push_str(&rest[..length]);
        chunks = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// Waits until something is so; asks again and again, with patience.
pub fn until<T>(
    what: &str,
    patience: Duration,
    mut so: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        let last = match so() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if begun.elapsed() > patience {
            let why = last.map_or_else(String::new, |error| format!(": {error:#}"));
            bail!(
                "in {} s it did not come to pass that {what}{why}",
                patience.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
