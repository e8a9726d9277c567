//! Text that looks like a secret (rule 22: secrets are references).
//!
//! Known shapes are looked for in the raw text, so that comments are covered; what has no shape is
//! judged by the name it is given and by how random it looks.

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::yaml::{Kind, Node};

const HELP: &str =
    "remove it and revoke it; keep it in a secret store and write the name of the secret here";

/// What a kind of secret begins with, and how it goes on.
struct Shape {
    what: &'static str,
    prefix: &'static str,
    /// The least number of characters behind the prefix.
    least: usize,
    goes_on: fn(char) -> bool,
}

const SHAPES: &[Shape] = &[
    Shape {
        what: "an AWS access key",
        prefix: "AKIA",
        least: 16,
        goes_on: is_key,
    },
    Shape {
        what: "an AWS access key",
        prefix: "ASIA",
        least: 16,
        goes_on: is_key,
    },
    Shape {
        what: "a Slack webhook",
        prefix: "hooks.slack.com/",
        least: 8,
        goes_on: is_path,
    },
    Shape {
        what: "a Slack token",
        prefix: "xoxb-",
        least: 8,
        goes_on: is_token,
    },
    Shape {
        what: "a Slack token",
        prefix: "xoxp-",
        least: 8,
        goes_on: is_token,
    },
    Shape {
        what: "a GitHub token",
        prefix: "ghp_",
        least: 20,
        goes_on: is_token,
    },
    Shape {
        what: "a GitHub token",
        prefix: "github_pat_",
        least: 20,
        goes_on: is_token,
    },
    Shape {
        what: "a private key",
        prefix: "-----BEGIN ",
        least: 0,
        goes_on: |_| false,
    },
];

fn is_key(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_path(c: char) -> bool {
    is_token(c) || c == '/'
}

/// Looks for known shapes in a file's text.
pub(super) fn check_text(file: usize, findings: &mut Findings<'_>) {
    let text = findings.sources[file].text;
    for shape in SHAPES {
        for (start, _) in text.match_indices(shape.prefix) {
            let rest = &text[start + shape.prefix.len()..];
            let tail: usize = rest
                .chars()
                .take_while(|c| (shape.goes_on)(*c))
                .map(char::len_utf8)
                .sum();
            let preceded = text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
            let private = shape.least > 0
                || rest
                    .lines()
                    .next()
                    .is_some_and(|line| line.contains("PRIVATE KEY-----"));
            if tail >= shape.least && !preceded && private {
                let at = Span {
                    file,
                    start,
                    end: start + shape.prefix.len() + tail,
                };
                let message = format!("this looks like {}", shape.what);
                findings.error(Code::Secret, at, message).help(HELP);
            }
        }
    }
}

/// Judges values by the keys, flags and variables they are given to.
pub(super) fn check_tree(node: &Node, findings: &mut Findings<'_>) {
    match &node.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                check_named(&entry.key.value, &entry.value, findings);
                check_tree(&entry.value, findings);
            }
        }
        Kind::Sequence(items) => {
            for (position, item) in items.iter().enumerate() {
                check_tree(item, findings);
                let Kind::Text(text) = &item.kind else {
                    continue;
                };
                if let Some((name, value)) = text.split_once('=') {
                    check_value(name, value, item, findings);
                } else if text.starts_with('-')
                    && let Some(next) = items.get(position + 1)
                {
                    check_named(text, next, findings);
                }
            }
        }
        Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) => {}
    }
}

fn check_named(name: &str, node: &Node, findings: &mut Findings<'_>) {
    if let Kind::Text(value) = &node.kind {
        check_value(name, value, node, findings);
    }
}

fn check_value(name: &str, value: &str, node: &Node, findings: &mut Findings<'_>) {
    if names_a_secret(name) && looks_random(value) && !(name == "secret" && is_words(value)) {
        let message = format!("the value of `{name}` looks like a secret");
        findings.error(Code::Secret, node.mark, message).help(HELP);
    }
}

fn names_a_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "credential",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Long, without spaces, not a reference, and mixed as only generated text is.
fn looks_random(value: &str) -> bool {
    const SHORTEST: usize = 16;
    let reference = value.contains("{{")
        || ["arn:", "s3://", "https://", "ssm:", "/"]
            .iter()
            .any(|start| value.starts_with(start));
    if value.len() < SHORTEST || reference || value.contains(char::is_whitespace) {
        return false;
    }
    let has = |kind: fn(&char) -> bool| usize::from(value.chars().any(|c| kind(&c)));
    let kinds = has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + has(|c| matches!(c, '+' | '=' | '!' | '$' | '%' | '&' | '*' | '#'));
    kinds >= 2 && bits_per_character(value) > 3.2
}

/// Words and numbers between separators, as in the names people give secrets.
fn is_words(value: &str) -> bool {
    let mut words = value.split(['-', '_', '/', '.']);
    words.all(|word| {
        word.chars().all(|c| c.is_ascii_lowercase()) || word.chars().all(|c| c.is_ascii_digit())
    })
}

/// Shannon entropy; about 2.5 for words with hyphens, above 3.5 for tokens.
fn bits_per_character(value: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in value.chars() {
        *counts.entry(c).or_insert(0.0) += 1.0;
    }
    let total: f64 = counts.values().sum();
    counts
        .values()
        .map(|count| -(count / total) * (count / total).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_text_under_a_telling_name_is_a_secret() {
        let cases = [
            ("db_password", "tr0ub4dor&3xKq9Zp", true),
            ("--api-key", "a81f2c93b7d04e56a1c2", true),
            (
                "spark.hadoop.fs.s3a.secret.key",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                true,
            ),
            ("secret", "weather/slack-webhook", false),
            ("secret", "hive-metastore-2024-prod", false),
            ("password", "hive-metastore-2024-prod", true),
            ("secret", "a81f2c93b7d04e56a1c2", true),
            (
                "secret",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf",
                false,
            ),
            ("password", "{{ params.password_reference_1 }}", false),
            ("token_bucket", "small", false),
            ("script", "tr0ub4dor&3xKq9Zp", false),
        ];
        for (name, value, expected) in cases {
            let named = name == "secret" && is_words(value);
            let found = names_a_secret(name) && looks_random(value) && !named;
            assert_eq!(found, expected, "{name}: {value}");
        }
    }
}
