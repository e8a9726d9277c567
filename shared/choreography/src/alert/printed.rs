//! The last lines that failed work printed, as people are shown them.
//!
//! They come from anybody's program: what is no character to read is left out, and what looks like a
//! credential is covered. That is no proof that none is left, so a team can have none shown.

use model::post::Printed;

/// How many lines are shown, how long one may be, and all of them, in characters.
const LINES: usize = 10;
const LINE: usize = 300;
const ALL: usize = 1_500;

/// What stands for a credential.
const COVERED: &str = "[covered]";

/// Names whose values are covered, in lower case, wherever they stand in a longer name.
const SECRET_NAMES: [&str; 9] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "credential",
];

/// How credentials begin that tell what they are.
const SECRET_BEGINNINGS: [&str; 9] = [
    "AKIA",
    "ASIA",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "ghp_",
    "github_pat_",
    "glpat-",
    "eyJ",
];

/// Words after which a credential follows.
const ANNOUNCE: [&str; 2] = ["bearer", "basic"];

/// The lines to show of the end of what somebody printed; `None` when there is nothing to say.
pub fn printed(by: String, end: &str, missing: Option<String>) -> Option<Printed> {
    let lines = last_lines(end);
    if lines.is_empty() && missing.is_none() {
        return None;
    }
    let missing = missing.filter(|_| lines.is_empty());
    Some(Printed { by, lines, missing })
}

fn last_lines(end: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut left = ALL;
    for line in end.lines().rev() {
        let line = covered(readable(line).trim_end());
        if line.trim().is_empty() {
            continue;
        }
        let line = shortened(&line, LINE.min(left));
        left -= line.chars().count().min(left);
        lines.push(line);
        if lines.len() == LINES || left == 0 {
            break;
        }
    }
    lines.reverse();
    lines
}

fn shortened(line: &str, most: usize) -> String {
    if line.chars().count() <= most {
        return line.to_owned();
    }
    let short = line.chars().take(most.saturating_sub(1));
    short.chain(['…']).collect()
}

/// A line without what only a terminal understands.
fn readable(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // A colour, or a move of the cursor: it ends with a letter.
                while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            '\t' => plain.push(' '),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// A line in which what looks like a credential is covered.
fn covered(line: &str) -> String {
    if line.contains("PRIVATE KEY-----") {
        return COVERED.to_owned();
    }
    let mut safe = String::with_capacity(line.len());
    let mut follows = false;
    for word in line.split_inclusive(' ') {
        let (text, space) = word
            .strip_suffix(' ')
            .map_or((word, ""), |text| (text, " "));
        if follows && !text.is_empty() {
            safe.push_str(COVERED);
            follows = false;
        } else {
            let (shown, value_follows) = of_word(text);
            safe.push_str(&shown);
            follows |= value_follows;
        }
        safe.push_str(space);
    }
    safe
}

/// A word as it is shown, and whether the next one is a credential.
fn of_word(word: &str) -> (String, bool) {
    let quotes: &[char] = &['"', '\'', ',', ';', '(', ')', '{', '}', '[', ']', '<', '>'];
    let bare = word.trim_matches(quotes);
    if SECRET_BEGINNINGS.iter().any(|one| bare.starts_with(one)) && bare.len() > 12 {
        return (word.replace(bare, COVERED), false);
    }
    if ANNOUNCE.contains(&bare.to_ascii_lowercase().as_str()) {
        return (word.to_owned(), true);
    }
    if let Some((address, rest)) = word.split_once("://")
        && let Some((user, host)) = rest.split_once('@')
        && !user.contains('/')
    {
        return (format!("{address}://{COVERED}@{host}"), false);
    }
    let lower = word.to_ascii_lowercase();
    let named = SECRET_NAMES
        .iter()
        .filter_map(|name| Some(lower.find(name)? + name.len()));
    let Some(after) = named.max() else {
        return (word.to_owned(), false);
    };
    // Lower case of ASCII alone moves no byte.
    let separator = word[after..].find(['=', ':']).map(|at| after + at + 1);
    match separator {
        Some(at) if word[at..].trim_matches(quotes).is_empty() => (word.to_owned(), true),
        Some(at) => (format!("{}{COVERED}", &word[..at]), false),
        // An option, whose value is the next argument.
        None if word.starts_with("--") => (word.to_owned(), true),
        None => (word.to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(end: &str) -> Vec<String> {
        printed("a".into(), end, None).map_or_else(Vec::new, |printed| printed.lines)
    }

    #[test]
    fn the_last_lines_are_shown_and_no_more() {
        let many: Vec<String> = (0..40).map(|number| format!("line {number}")).collect();
        let shown = lines(&many.join("\n"));
        assert_eq!(shown.len(), 10);
        assert_eq!(
            (shown[0].as_str(), shown[9].as_str()),
            ("line 30", "line 39")
        );
        let long = lines(&vec!["x".repeat(5_000); 20].join("\r\n"));
        let length: usize = long.iter().map(|line| line.chars().count()).sum();
        assert_eq!((long.len(), length), (5, 1_500));
        assert!(long[0].ends_with('…'));
        assert_eq!(
            lines("\n \n\u{1b}[31mred\u{1b}[0m\u{7}\tend\n\n"),
            ["red end"]
        );
    }

    #[test]
    fn where_there_are_none_it_is_said_why() {
        let why = || Some("not there yet".to_owned());
        let none = printed("a".into(), "", why()).unwrap();
        assert_eq!((none.lines.len(), none.missing), (0, why()));
        assert_eq!(printed("a".into(), "x", why()).unwrap().missing, None);
        assert_eq!(printed("a".into(), "", None), None);
    }

    #[test]
    fn what_looks_like_a_credential_is_covered() {
        for (line, expected) in [
            ("nothing to hide: exit 3", "nothing to hide: exit 3"),
            ("password=hunter2 x", "password=[covered] x"),
            ("DB_PASSWORD: hunter2 x", "DB_PASSWORD: [covered] x"),
            (r#"{"api_key": "k"} x"#, r#"{"api_key": [covered] x"#),
            (r#"{"token":"k","a":1}"#, r#"{"token":[covered]"#),
            (
                "--secret-token abc --date 1",
                "--secret-token [covered] --date 1",
            ),
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [covered]",
            ),
            (
                "jdbc:postgresql://u:p@db/x failed",
                "jdbc:postgresql://[covered]@db/x failed",
            ),
            ("s3://bucket/key@v1", "s3://bucket/key@v1"),
            ("key AKIAIOSFODNN7EXAMPLE.", "key [covered]"),
            ("-----BEGIN RSA PRIVATE KEY-----", "[covered]"),
            ("unexpected token in line 3", "unexpected token in line 3"),
        ] {
            assert_eq!(lines(line), [expected], "{line}");
        }
    }
}
