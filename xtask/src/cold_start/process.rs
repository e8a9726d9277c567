//! A packaged function as a process, started as Lambda starts it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::stub::{Did, Stub};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where systems keep the authorities they trust, in one file; the first is Lambda's own.
const AUTHORITIES: [&str; 3] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
];

/// A function's program.
pub struct Lambda<'a> {
    pub function: &'a str,
    pub program: &'a Path,
    /// An empty one.
    pub folder: &'a Path,
}

/// What one process showed.
pub struct Seen {
    /// Until its first request for an event.
    pub start: Duration,
    /// The most memory it had until then.
    pub started_kb: u64,
    /// The most memory it had until it asked for one after the last event.
    pub handled_kb: u64,
}

impl Lambda<'_> {
    /// Starts it, hands it events one after another, and ends it.
    pub fn serve(&self, events: &[String]) -> Result<Seen> {
        let stub = Stub::new()?;
        let mut command = self.command(&stub);
        let started = Instant::now();
        let mut process = Ended(command.spawn().context("it could not be started")?);
        let start = asked(&stub, &mut process)?.duration_since(started);
        let started_kb = peak_kb(&process.0)?;
        for event in events {
            stub.hand(event);
            match stub.did.recv_timeout(PATIENCE) {
                Ok(Did::Answered { path, .. }) if path.ends_with("/response") => {}
                other => bail!("it did not handle {}: {other:?}", &event[..80]),
            }
            asked(&stub, &mut process)?;
        }
        Ok(Seen {
            start,
            started_kb,
            handled_kb: peak_kb(&process.0)?,
        })
    }

    fn command(&self, stub: &Stub) -> Command {
        let (function, address) = (self.function, stub.address);
        let mut command = Command::new(self.program);
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", format!("murmur-{function}")),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".into()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "group".into()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("MURMUR_DEPLOYMENT", "murmur".into()),
            ("MURMUR_TABLE", "murmur".into()),
            (
                "MURMUR_TOPIC_ARN",
                "arn:aws:sns:us-east-1:1:murmur-events".into(),
            ),
            (
                "MURMUR_QUEUE_URL_PREFIX",
                format!("http://{address}/1/murmur-"),
            ),
            ("MURMUR_EMR_SERVICE_ROLE", "murmur-emr".into()),
            ("MURMUR_EMR_INSTANCE_PROFILE", "murmur-emr-machines".into()),
            ("MURMUR_HISTORY_BUCKET", "murmur-history".into()),
            ("MURMUR_MIRROR_BUS", "murmur-facts".into()),
            ("MURMUR_LOG", "off,lambda_runtime=error".into()),
        ];
        command.env_clear().envs(variables);
        // Other systems keep them a second time, one by one in a folder; Lambda's image does not.
        // So they are read from the one file, and from a folder that holds none.
        if let Some(bundle) = AUTHORITIES.iter().find(|path| Path::new(path).exists()) {
            command.env("SSL_CERT_FILE", bundle);
            command.env("SSL_CERT_DIR", self.folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Waits until it asks for an event.
fn asked(stub: &Stub, process: &mut Ended) -> Result<Instant> {
    let begun = Instant::now();
    loop {
        match stub.did.recv_timeout(Duration::from_millis(100)) {
            Ok(Did::Asked(at)) => return Ok(at),
            Ok(Did::Answered { path, body }) => bail!("it said {path}: {body}"),
            Err(_) => {}
        }
        if let Some(status) = process.0.try_wait()? {
            bail!("it ended with {status}");
        }
        ensure!(begun.elapsed() < PATIENCE, "it asks for no event");
    }
}

/// The most memory a process ever had, as Linux tells it.
fn peak_kb(process: &Child) -> Result<u64> {
    let path = format!("/proc/{}/status", process.id());
    let status = std::fs::read_to_string(&path);
    let status = status.context("only Linux tells how much memory a process had")?;
    high_water_kb(&status).with_context(|| format!("{path} does not tell VmHWM"))
}

fn high_water_kb(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        let status = "Name:\toperate\nVmPeak:\t  20480 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 9000 kB\n";
        assert_eq!(high_water_kb(status), Some(12_345));
        assert_eq!(high_water_kb("Name:\toperate\n"), None);
    }

    #[test]
    fn a_program_that_ends_at_once_is_no_figure() {
        let lambda = Lambda {
            function: "operate",
            program: Path::new("/bin/false"),
            folder: Path::new("/"),
        };
        let error = lambda.serve(&[]).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("it ended with exit status: 1"));
    }
}
