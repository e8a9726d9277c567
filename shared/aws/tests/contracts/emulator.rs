//! An emulator of AWS for the tests of this process: ministack, from PyPI, without a container.
//!
//! Its virtual environment lies in the target folder, so it is made once. It ends with this
//! process, however that ends: it watches a pipe that closes then.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

const PACKAGE: &str = "ministack==1.5.33";
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the emulator when its input ends.
const RUN: &str = "
import os, runpy, sys, threading
def watch():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module('ministack', run_name='__main__')
";

/// How clients of this process reach the emulator, which is started at the first call.
pub fn config() -> SdkConfig {
    static EMULATOR: OnceLock<(u16, Child)> = OnceLock::new();
    let (port, _) = EMULATOR.get_or_init(start);
    config_at(format!("http://127.0.0.1:{port}"))
}

/// How clients reach an emulator that another process has started.
pub fn config_at(url: String) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn start() -> (u16, Child) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let python = install(folder);
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
        .port();
    let log_path = folder.join(format!("ministack-{port}.log"));
    let log = File::create(&log_path).expect("the target folder takes files");
    let mut emulator = Command::new(python)
        .args(["-c", RUN])
        .current_dir(folder)
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        .spawn()
        .expect("Python starts");
    let begun = Instant::now();
    while !is_healthy(port) {
        let over = emulator.try_wait().expect("a child can be asked");
        let said = || fs::read_to_string(&log_path).unwrap_or_default();
        assert!(over.is_none(), "the emulator ended: {}", said());
        assert!(
            begun.elapsed() < PATIENCE,
            "the emulator does not answer: {}",
            said()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    (port, emulator)
}

fn is_healthy(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<bool, std::io::Error>(answer.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// Makes the virtual environment, unless it is there; gives its Python.
fn install(folder: &Path) -> PathBuf {
    let home = folder.join("ministack-1.5.33");
    let (python, done) = (home.join("bin/python"), home.join("installed"));
    let lock = File::create(folder.join("ministack.lock")).expect("the target folder takes files");
    lock.lock().expect("files can be locked");
    if !done.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&home));
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ];
        run(Command::new(&python).args(install));
        File::create(done).expect("the target folder takes files");
    }
    python
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} needs Python 3: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
