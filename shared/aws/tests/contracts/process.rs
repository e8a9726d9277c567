//! A function's whole process, from its environment to its log, with Lambda's side of the runtime's
//! protocol played here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};

use model::message::Function;
use ports::{Delivery, Verdict};
use serde_json::{Value, json};

use crate::emulator;
use crate::lambda::{Queues, tick, workflow};

/// A process that serves reconcile's inbox in its own way.
fn process(lambda: &TcpListener, inbox_url: &str) -> Command {
    let prefix = inbox_url.strip_suffix("reconcile").unwrap();
    let emulator = emulator::config();
    let variables = [
        (
            "AWS_LAMBDA_RUNTIME_API",
            &*lambda.local_addr().unwrap().to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_NAME", "murmur-reconcile"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("AWS_ENDPOINT_URL", emulator.endpoint_url().unwrap()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("MURMUR_DEPLOYMENT", "murmur"),
        ("MURMUR_TABLE", "murmur"),
        ("MURMUR_TOPIC_ARN", "arn:aws:sns:us-east-1:1:murmur-events"),
        ("MURMUR_QUEUE_URL_PREFIX", prefix),
    ];
    let mut process = Command::new(std::env::current_exe().unwrap());
    process
        .args(["--exact", "--ignored", "process::serving"])
        .env_clear()
        .envs(variables)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    process
}

/// No test by itself: the process that the others start.
#[test]
#[ignore = "started by other tests"]
fn serving() {
    let code = aws::lambda::run(Function::Reconcile, async |_, batch: Vec<Delivery>| {
        let verdict = |delivery: &Delivery| match workflow(delivery).rsplit('/').next().unwrap() {
            "done" => Verdict::Done,
            "poison" => Verdict::Poison("told by a test".into()),
            _ => Verdict::Failed("told by a test".into()),
        };
        batch.iter().map(verdict).collect()
    });
    assert_eq!(code, ExitCode::FAILURE, "only what is wrong ends it");
}

/// The lines of a log.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn a_batch_is_served_and_each_line_of_the_log_says_whose_it_is() {
    let queues = Queues::new("served-reconcile").await;
    queues
        .send(&["a/done", "a/failed", "a/poison"].map(tick))
        .await;
    let event = queues.event().await;
    let lambda = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serving = process(&lambda, &queues.inbox_url).spawn().unwrap();
    let event_text = event.to_string();
    let answered = tokio::task::spawn_blocking(move || invoke(&lambda, &event_text)).await;
    serving.kill().unwrap();
    let log = serving.wait_with_output().unwrap().stderr;
    let answer: Value = serde_json::from_str(&answered.unwrap()).unwrap();
    let failed = &event["Records"][1]["messageId"];
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": failed }] })
    );
    let letters = queues.dead_letters().await;
    assert_eq!(letters, [(tick("a/poison"), "told by a test".to_owned())]);
    let log = lines(&String::from_utf8(log).unwrap());
    // Afterwards it may find Lambda gone, and say so.
    let said: Vec<[&str; 5]> = log
        .iter()
        .filter(|line| line["span"]["request_id"].is_string())
        .map(|line| {
            let span = &line["span"];
            [
                text(&line["level"]),
                text(&line["message"]),
                text(&line["reason"]),
                text(&span["function"]),
                text(&span["request_id"]),
            ]
        })
        .collect();
    let (function, request) = ("murmur-reconcile", "r-1");
    let why = "told by a test";
    assert_eq!(
        said,
        [
            ["WARN", "a message failed", why, function, request],
            ["ERROR", "a message is put aside", why, function, request],
        ]
    );
}

#[test]
fn a_setting_that_is_wrong_ends_it_with_one_clear_line() {
    let lambda = TcpListener::bind("127.0.0.1:0").unwrap();
    let cases = [
        (
            ("MURMUR_TABLE", ""),
            "the environment variable MURMUR_TABLE is not set",
        ),
        (
            ("MURMUR_DEPLOYMENT", "Prod"),
            "the environment variable MURMUR_DEPLOYMENT is wrong: `Prod` does not name a deployment",
        ),
        (
            ("MURMUR_LOG", "loud=much"),
            "the environment variable MURMUR_LOG is wrong: ",
        ),
    ];
    for ((name, value), expected) in cases {
        let mut process = process(&lambda, "http://localhost/1/reconcile");
        let output = process.env(name, value).output().unwrap();
        let log = lines(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(log.len(), 1, "{log:?}");
        let error = log[0]["error"].as_str().unwrap();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(log[0]["function"], "reconcile");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Hands over one event; gives the body of the answer.
fn invoke(lambda: &TcpListener, event: &str) -> String {
    loop {
        let (mut stream, _) = lambda.accept().unwrap();
        while let Some((line, body)) = request(&stream) {
            if line.contains("/invocation/next") {
                let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n\
                            Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                            Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:f\r\n";
                write!(
                    stream,
                    "{head}Content-Length: {}\r\n\r\n{event}",
                    event.len()
                )
                .unwrap();
            } else {
                assert!(line.contains("/invocation/r-1/response"), "{line}: {body}");
                return body;
            }
        }
    }
}

/// Reads a request: its first line and its body.
fn request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length, mut is_chunked) = (String::new(), 0, false);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        is_chunked |= line == "transfer-encoding: chunked";
    }
    assert!(!is_chunked, "answers of one piece have a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some((first, String::from_utf8(body).unwrap()))
}
