//! Every command of `docs/queries.md` answers as it says, asked by the AWS CLI.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::morning::Morning;
use crate::murmur::on_aws;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/queries.md");
const PACKAGE: &str = "awscli==1.46.2";

/// A command of the page and what it answers.
#[derive(Debug)]
struct Asked {
    line: usize,
    command: String,
    answer: Vec<String>,
}

#[tokio::test]
async fn every_query_of_the_page_answers_as_it_says() {
    let morning = Morning::of("murmur").await;
    let pause = ["pause", "weather/report", "--operation", "hold-the-report"];
    let why = ["--why", "the source is being moved", "--wait"];
    let said = morning
        .says_meanwhile(&[&pause[..], &why[..]].concat())
        .await;
    assert_eq!(said.code, 0, "{said:#?}");
    let path = path_with_aws();
    let page = std::fs::read_to_string(PAGE).unwrap();
    let asked = commands(&page);
    assert!(asked.len() > 20, "the page has its commands");
    let mut wrong = Vec::new();
    for asked in &asked {
        let mut shell = on_aws("sh");
        let output = shell
            .args(["-c", &asked.command])
            .env("PATH", &path)
            .output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = said.lines().map(in_words).filter(|line| !line.is_empty());
        let answer: Vec<String> = lines.collect();
        if !output.status.success() || answer != asked.answer {
            let trouble = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!(
                "line {}: {answer:#?}, not {:#?} {trouble}",
                asked.line, asked.answer
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_query_of_the_page_scans() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    for asked in commands(&page) {
        let command = asked.command.replace('\\', "");
        assert!(!command.contains("dynamodb scan"), "line {}", asked.line);
        let Some((_, condition)) = command.split_once("WHERE") else {
            continue;
        };
        // Without one of these, PartiQL reads everything there is.
        let keys = [
            "\"partition\" = '",
            "listing = '",
            "due_shard = '",
            "due_shard IN [",
        ];
        let keyed = keys
            .iter()
            .any(|key| condition.trim_start().starts_with(key));
        assert!(keyed, "line {}: {condition}", asked.line);
    }
}

/// The commands in the page's consoles. A command goes on while its line ends with a backslash,
/// within quotes, or until the `done` of a loop.
fn commands(page: &str) -> Vec<Asked> {
    let mut found: Vec<Asked> = Vec::new();
    let (mut in_console, mut goes_on) = (false, false);
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            in_console = line == "```console";
            continue;
        }
        if !in_console {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Asked {
                line: number + 1,
                command: format!("{command}\n"),
                answer: Vec::new(),
            });
        } else if goes_on {
            let asked = found.last_mut().unwrap();
            asked.command += &format!("{line}\n");
        } else if !line.trim().is_empty() {
            found.last_mut().unwrap().answer.push(in_words(line));
        }
        goes_on = found.last().is_some_and(|asked| !is_whole(&asked.command));
    }
    found
}

fn is_whole(command: &str) -> bool {
    let quotes = |quote| {
        let unescaped = command.replace("\\\"", "");
        unescaped.matches(quote).count() % 2 == 0
    };
    let looped = !command.starts_with("for ") || command.trim_end().ends_with("done");
    // Single quotes stand within double ones, too, but always in pairs.
    !command.trim_end().ends_with('\\') && quotes('"') && quotes('\'') && looped
}

fn in_words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// PATH with the AWS CLI before all else; it is installed beside the emulator, once.
fn path_with_aws() -> std::ffi::OsString {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = folder.join(PACKAGE.replace("==", "-"));
    let done = home.join("installed");
    let lock = File::create(folder.join("awscli.lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&home));
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ];
        run(Command::new(home.join("bin/python")).args(pip));
        File::create(done).unwrap();
    }
    let mut path: Vec<PathBuf> = vec![home.join("bin")];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    std::env::join_paths(path).unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
