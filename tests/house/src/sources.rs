//! Checks what source files say, and that one name stays one name.

use std::fs;
use std::path::Path;

use crate::workspace::root;

/// Words that no source file of some folders may say, and why.
struct Ban {
    /// Folders, or single files.
    folders: &'static [&'static str],
    words: &'static [&'static str],
    because: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        folders: &["shared/model/src", "shared/choreography/src"],
        words: &["async fn", "async move", ".await", "tracing::"],
        because: "decisions are plain functions: they never wait and never log",
    },
    Ban {
        folders: &[
            "shared/model/src",
            "shared/choreography/src",
            "shared/protocols/src",
            "functions",
        ],
        words: &[
            "Timestamp::now",
            "Zoned::now",
            "SystemTime",
            "Instant::now",
            "std::time",
        ],
        because: "time comes as an argument, or through ports::Clock",
    },
    Ban {
        folders: &[
            "shared/model/src",
            "shared/choreography/src",
            "shared/protocols/src",
            "functions",
        ],
        words: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "TcpStream",
            "UdpSocket",
            "io::std",
        ],
        because: "the world is reached through ports alone",
    },
    Ban {
        folders: &[
            "shared/model/src",
            "shared/choreography/src",
            "shared/protocols/src",
            "functions",
        ],
        words: &["println!", "print!", "dbg!"],
        because: "functions log through tracing, decisions not at all",
    },
    Ban {
        folders: &[
            "shared/aws/src/backoff.rs",
            "shared/aws/src/bus.rs",
            "shared/aws/src/clock.rs",
            "shared/aws/src/compute",
            "shared/aws/src/envelope",
            "shared/aws/src/store",
            "shared/aws/src/wiring.rs",
        ],
        words: &["lambda_runtime", "aws_lambda_events"],
        because: "only aws::lambda knows Lambda",
    },
    Ban {
        folders: &["functions"],
        words: &["aws::"],
        because: "only the `main` of a function knows where it runs",
    },
    Ban {
        folders: &["shared", "functions", "cli"],
        words: &["thread_rng", "rand::random", "RandomState", "from_entropy"],
        because: "what looks random follows from a key, so that every run can be repeated",
    },
];

/// Names of files and folders that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

/// A line without its comment.
fn code(line: &str) -> &str {
    let starts = line.match_indices("//").map(|(at, _)| at);
    let comment = starts.into_iter().find(|at| {
        let before = &line[..*at];
        before.trim().is_empty() || before.ends_with(char::is_whitespace)
    });
    comment.map_or(line, |at| &line[..at])
}

/// Whether a file is where a function's process begins; it may name what its library must not.
fn is_main(path: &str) -> bool {
    path.starts_with("functions/") && path.ends_with("/src/main.rs")
}

/// Says every banned word of a file, with its line.
fn banned(path: &str, text: &str) -> Vec<String> {
    let bans = BANS.iter().filter(|ban| {
        !is_main(path)
            && ban
                .folders
                .iter()
                .any(|folder| path == *folder || path.starts_with(&format!("{folder}/")))
    });
    let mut found = Vec::new();
    for ban in bans {
        for (number, line) in (1..).zip(text.lines()) {
            let said = ban.words.iter().filter(|word| code(line).contains(**word));
            found
                .extend(said.map(|word| format!("{path}:{number} says `{word}`: {}", ban.because)));
        }
    }
    found
}

/// Whether a file must say what it is for.
fn needs_header(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let inside_tests = folder.split('/').skip(1).any(|part| part == "tests");
    name != "tests.rs" && !inside_tests
}

/// Every Rust source of the workspace: path relative to the root, and text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["shared", "functions", "cli", "xtask", "tests"] {
        collect(&root().join(folder), folder, &mut found);
    }
    found.sort();
    assert!(!found.is_empty(), "the workspace has sources");
    found
}

fn collect(folder: &Path, name: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("folders of the workspace can be read") {
        let entry = entry.expect("entries of the workspace can be read");
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &path, found);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("sources are UTF-8");
            found.push((path, text));
        }
    }
}

mod tests {
    use std::collections::BTreeSet;

    use model::message::Function;

    use super::*;
    use crate::assert_none;
    use crate::workspace::crates;

    #[test]
    fn no_source_says_what_its_layer_must_not_know() {
        let breaches: Vec<String> = sources()
            .iter()
            .flat_map(|(path, text)| banned(path, text))
            .collect();
        assert_none(
            &breaches,
            "pass it in as an argument, or ask a port for it.",
        );
    }

    #[test]
    fn every_source_begins_with_what_it_is_for() {
        let silent = sources()
            .into_iter()
            .filter(|(path, text)| needs_header(path) && !text.trim_start().starts_with("//!"))
            .map(|(path, _)| path);
        let silent: Vec<String> = silent.collect();
        assert_none(
            &silent,
            "begin the file with `//!`: what it is for and what it must not know.",
        );
    }

    #[test]
    fn every_function_has_a_main_and_it_is_wiring_alone() {
        const LINES: usize = 30;
        let mains: Vec<_> = sources()
            .into_iter()
            .filter(|(path, _)| is_main(path))
            .collect();
        let functions = crates();
        let functions = functions
            .iter()
            .filter(|one| one.folder.starts_with("functions/"));
        assert_eq!(mains.len(), functions.count());
        let long = mains
            .iter()
            .filter(|(_, text)| text.lines().count() > LINES)
            .map(|(path, _)| path.clone());
        let long: Vec<String> = long.collect();
        assert_none(&long, "move what it does to its library or to aws::lambda.");
    }

    #[test]
    fn no_file_has_a_name_that_says_nothing() {
        let empty = |path: &String| {
            path.trim_end_matches(".rs")
                .split('/')
                .any(|part| EMPTY_NAMES.contains(&part))
        };
        let named: Vec<String> = sources()
            .into_iter()
            .map(|(path, _)| path)
            .filter(empty)
            .collect();
        assert_none(&named, "name the file after what it holds.");
    }

    #[test]
    fn a_function_has_one_name() {
        let mut expected: BTreeSet<(String, String)> = Function::ALL
            .iter()
            .map(|function| (format!("functions/{function}"), function.to_string()))
            .collect();
        // One is called directly, at apply; to the others nobody sends, and not every deployment
        // has them.
        for besides in ["register-definitions", "archive-facts", "mirror-facts"] {
            expected.insert((format!("functions/{besides}"), besides.to_owned()));
        }
        let actual: BTreeSet<(String, String)> = crates()
            .into_iter()
            .filter(|one| one.folder.starts_with("functions/"))
            .map(|one| (one.folder, one.name))
            .collect();
        assert_eq!(
            actual, expected,
            "folder and crate are named as in model::message::Function"
        );
    }

    #[test]
    fn every_crate_takes_the_lints_of_the_house() {
        let without = crates().into_iter().map(|one| one.folder).filter(|folder| {
            let manifest = root().join(folder).join("Cargo.toml");
            let text = fs::read_to_string(manifest).expect("a crate has a manifest");
            !text.contains("[lints]\nworkspace = true")
        });
        let without: Vec<String> = without.collect();
        assert_none(
            &without,
            "add `[lints]` with `workspace = true` to its Cargo.toml.",
        );
    }

    #[test]
    fn a_banned_word_is_found_in_code_and_not_in_comments() {
        let cases = [
            (
                "shared/choreography/src/a.rs",
                "let now = Timestamp::now();",
                1,
            ),
            ("shared/choreography/src/a.rs", "async fn decide() {}", 1),
            (
                "shared/choreography/src/a.rs",
                "// Timestamp::now is not for us",
                0,
            ),
            ("shared/choreography/src/a.rs", "let a = b; // std::fs", 0),
            (
                "shared/choreography/src/a.rs",
                r#"let a = "s3://x"; std::fs::read(a)"#,
                1,
            ),
            ("functions/operate/src/lib.rs", "eprintln!()", 1),
            (
                "functions/operate/src/lib.rs",
                "pub async fn handle() {}",
                0,
            ),
            ("functions/operate/src/lib.rs", "aws::lambda::run", 1),
            ("functions/operate/src/main.rs", "aws::lambda::run", 0),
            ("shared/local/src/lib.rs", "std::fs::read()", 0),
            ("shared/aws/src/bus.rs", "use lambda_runtime::run;", 1),
            (
                "shared/aws/src/lambda/mod.rs",
                "use lambda_runtime::run;",
                0,
            ),
        ];
        for (path, line, count) in cases {
            assert_eq!(banned(path, line).len(), count, "{path}: {line}");
        }
    }

    #[test]
    fn only_tests_need_no_header() {
        let cases = [
            ("shared/model/src/key.rs", true),
            ("tests/house/src/house.rs", true),
            ("cli/tests/check.rs", false),
            ("shared/choreography/src/pattern/tests.rs", false),
            ("shared/choreography/src/pattern/tests/operators.rs", false),
        ];
        for (path, needed) in cases {
            assert_eq!(needs_header(path), needed, "{path}");
        }
    }
}
