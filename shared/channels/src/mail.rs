//! What an e-mail says, as plain text. Pure; whoever sends it knows how.

use model::post::Post;

use crate::text;

/// The longest subject that SNS takes, in characters
/// (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>: less than 100, ASCII, no control
/// characters, and a letter, digit or punctuation first).
const SUBJECT: usize = 99;
/// The longest body, in characters: four bytes each are less than the 256 KiB that SNS takes.
const BODY: usize = 60_000;

/// The subject: ASCII, one line, at most 99 characters.
pub fn subject(post: &Post) -> String {
    let title = format!("[murmur] {}", text::title(post));
    let ascii = |c: char| if c.is_ascii() { c } else { '?' };
    let title: String = title.chars().map(ascii).collect();
    if title.len() <= SUBJECT {
        return title;
    }
    format!("{}...", &title[..SUBJECT - 3])
}

/// The body: everything, a line each.
pub fn body(post: &Post) -> String {
    let mut lines = vec![text::title(post), String::new()];
    for (label, value) in &post.fields {
        lines.push(format!(
            "{}: {}",
            text::one_line(label),
            text::one_line(value)
        ));
    }
    lines.push(String::new());
    lines.extend(post.lines.iter().map(|line| text::one_line(line)));
    lines.extend(text::more(post));
    if let Some((by, printed)) = text::printed(post) {
        lines.extend([String::new(), format!("{by}:")]);
        lines.extend(printed.into_iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    let links = text::links(post);
    lines.extend(links.map(|link| format!("{}: {}", text::one_line(&link.label), link.url)));
    lines.extend(post.commands.iter().map(|line| text::one_line(line)));
    let whole = lines.join("\n");
    text::shortened(whole.trim_end(), BODY)
}

#[cfg(test)]
mod tests {
    use model::post::PostKind;

    use super::*;
    use crate::text::tests::{post, printed_post};

    #[test]
    fn a_subject_is_what_sns_takes() {
        let mut post = post(PostKind::Opened);
        assert_eq!(subject(&post), "[murmur] weather/daily: clean failed");
        post.title = "ä\nb".repeat(80);
        let long = subject(&post);
        assert_eq!(long.len(), 99);
        assert!(long.chars().all(|c| c.is_ascii() && !c.is_control()));
        assert!(long.ends_with("..."));
    }

    #[test]
    fn a_body_says_what_was_printed_and_where_to_look() {
        let body = body(&printed_post());
        let expected = "clean, attempt 2 printed last:\n  reading `x`\n  <!channel> no such table\n\n\
            log <b>: https://console.example/a?b=1&c=2\nmurmur show weather--daily--k-1";
        assert!(body.ends_with(expected), "{body}");
    }

    #[test]
    fn a_body_says_all_of_it() {
        let expected = "weather/daily: clean failed\n\nLogical date: 2026-03-01\n\nclean: exit code 1\n\
            load: exit code 2\n… and 3 more\n\nmurmur show weather--daily--k-1";
        assert_eq!(body(&post(PostKind::Opened)), expected);
    }
}
