//! Words that several channels say. Pure.

use model::post::Post;

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

#[cfg(test)]
pub(crate) mod tests {
    use model::alert::{Root, Severity};
    use model::post::{About, PostKind};

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
            commands: vec!["murmur show weather--daily--k-1".into()],
            at: "2026-03-01T08:00:00Z".parse().unwrap(),
            about: vec![About {
                incident: Root::Run("weather--daily--k-1".into()),
                opening: 1,
                kind,
            }],
        }
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
