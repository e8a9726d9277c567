//! Words that several channels say. Pure.

use model::post::{Link, Post};

/// One line of a text: what is no character to read becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    let readable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(readable).collect()
}

/// A text of at most so many characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The title, with a word before it when an earlier try may have been seen.
pub(crate) fn title(post: &Post) -> String {
    let title = one_line(&post.title);
    if post.repeated {
        format!("This may be a repeat: {title}")
    } else {
        title
    }
}

/// How many lines there are no words for; `None` when there are none.
pub(crate) fn more(post: &Post) -> Option<String> {
    (post.omitted > 0).then(|| format!("… and {} more", post.omitted))
}

/// What work printed, a line each, under whose lines they are.
pub(crate) fn printed(post: &Post) -> Option<(String, Vec<String>)> {
    let printed = post.printed.as_ref()?;
    let by = one_line(&printed.by);
    Some(match &printed.missing {
        Some(why) => (format!("{by} printed"), vec![one_line(why)]),
        None => {
            let lines = printed.lines.iter().map(|line| one_line(line));
            (format!("{by} printed last"), lines.collect())
        }
    })
}

/// The addresses that may be opened: whatever else is in a message, these alone are links.
pub(crate) fn links(post: &Post) -> impl Iterator<Item = &Link> {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '\\');
    post.links
        .iter()
        .filter(move |link| link.url.starts_with("https://") && link.url.chars().all(is_plain))
}

#[cfg(test)]
pub(crate) mod tests {
    use model::alert::{Root, Severity};
    use model::post::{About, PostKind, Printed};

    use super::*;

    /// A message about a run.
    pub(crate) fn post(kind: PostKind) -> Post {
        Post {
            dedup_key: "murmur/run/weather--daily--k-1/1".into(),
            kind,
            repeated: false,
            reference: None,
            severity: Severity::Error,
            team: "weather".parse().unwrap(),
            title: "weather/daily: clean failed".into(),
            fields: vec![("Logical date".into(), "2026-03-01".into())],
            lines: vec!["clean: exit code 1".into(), "load: exit code 2".into()],
            omitted: 3,
            printed: None,
            links: Vec::new(),
            worse: false,
            commands: vec!["murmur show weather--daily--k-1".into()],
            at: "2026-03-01T08:00:00Z".parse().unwrap(),
            about: vec![About {
                incident: Root::Run("weather--daily--k-1".into()),
                opening: 1,
                kind,
            }],
        }
    }

    /// A message with what work printed, and links of which one is none.
    pub(crate) fn printed_post() -> Post {
        let link = |label: &str, url: &str| Link {
            label: label.into(),
            url: url.into(),
        };
        Post {
            printed: Some(Printed {
                by: "clean, attempt 2".into(),
                lines: vec!["reading `x`".into(), "<!channel> no such table".into()],
                missing: None,
            }),
            links: vec![
                link("log <b>", "https://console.example/a?b=1&c=2"),
                link("evil", "https://a|<!channel>"),
                link("other", "javascript:alert(1)"),
            ],
            ..post(PostKind::Opened)
        }
    }

    #[test]
    fn only_addresses_are_links() {
        let post = printed_post();
        let labels: Vec<&str> = links(&post).map(|link| link.label.as_str()).collect();
        assert_eq!(labels, ["log <b>"]);
    }

    #[test]
    fn what_was_not_printed_says_why() {
        let mut post = printed_post();
        let lines = printed(&post).map(|(by, lines)| (by, lines.len()));
        assert_eq!(lines, Some(("clean, attempt 2 printed last".to_owned(), 2)));
        post.printed = Some(Printed {
            by: "clean".into(),
            lines: Vec::new(),
            missing: Some("nothing\nyet".into()),
        });
        let why = ("clean printed".to_owned(), vec!["nothing yet".to_owned()]);
        assert_eq!(printed(&post), Some(why));
    }

    #[test]
    fn a_repeat_is_said_in_words() {
        let mut post = post(PostKind::Opened);
        assert_eq!(title(&post), "weather/daily: clean failed");
        post.repeated = true;
        assert_eq!(
            title(&post),
            "This may be a repeat: weather/daily: clean failed"
        );
    }

    #[test]
    fn what_is_too_long_says_so() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(one_line("a\r\nb\tc"), "a  b c");
    }
}
