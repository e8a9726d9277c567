//! Slack by an incoming webhook: the credential is its address. It tells of no message's id, so
//! nothing is edited: what is new is posted.
//!
//! What a message looks like is the same by the Web API (`slack_api`).
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use model::alert::Severity;
use model::post::{Post, PostKind};
use ports::NotifyError;
use serde_json::{Value, json};

use crate::address::Service;
use crate::http::Outgoing;
use crate::{Call, Secret, answer, refused, text};

/// The longest text of a block, in characters
/// (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
const BLOCK: usize = 3_000;
/// The longest text beside the blocks; Slack advises 4,000.
const TEXT: usize = 3_000;

/// Posts a message.
pub(crate) async fn post<S>(
    call: &Call<'_, S>,
    secret: &Secret,
    post: &Post,
) -> Result<Option<String>, NotifyError> {
    if !secret.expose().contains("://") {
        return Err(refused(
            "the secret is neither the address of an incoming webhook nor a bot's token",
        ));
    }
    let to = call.address(Service::Slack, secret.expose())?;
    let outgoing = Outgoing {
        headers: Vec::new(),
        body: body(&message(post)),
    };
    let answered = call.send(&to, outgoing).await?;
    match answer::failure("Slack", &answered, &answer::said(&answered, secret)) {
        None => Ok(None),
        Some(error) => Err(error),
    }
}

pub(crate) fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A message in blocks, with a text for where blocks are not shown, such as on a phone's screen.
pub(crate) fn message(post: &Post) -> Value {
    let title = text::title(post);
    let mut blocks = vec![block(&title, |title| {
        format!("{} *{title}*", sign(post.kind, post.severity))
    })];
    let fields = post
        .fields
        .iter()
        .map(|(label, value)| format!("{label}: {value}"));
    blocks.extend(lines(fields));
    blocks.extend(lines(post.lines.iter().cloned().chain(text::more(post))));
    if let Some((by, lines)) = text::printed(post) {
        let lines = fenceless(&lines.join("\n"));
        let text = format!("{by}:\n{lines}");
        blocks.push(block(&text, |text| match text.split_once('\n') {
            Some((by, lines)) => format!("{by}\n```{lines}```"),
            None => text.to_owned(),
        }));
    }
    let links: Vec<String> = text::links(post)
        .map(|link| {
            let url = link.url.replace('&', "&amp;");
            format!("<{url}|{}>", escaped(&text::one_line(&link.label), 75))
        })
        .collect();
    if !links.is_empty() {
        blocks.push(laid_out(&links.join(" · ")));
    }
    if !post.commands.is_empty() {
        let commands: Vec<String> = post
            .commands
            .iter()
            .map(|one| text::one_line(one))
            .collect();
        let commands = fenceless(&commands.join("\n"));
        blocks.push(block(&commands, |commands| format!("```{commands}```")));
    }
    json!({
        "text": escaped(&title, TEXT),
        "blocks": blocks,
        // Nothing in a text becomes a link or calls anybody.
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// A block of lines, unless there are none.
fn lines(lines: impl Iterator<Item = String>) -> Option<Value> {
    let lines: Vec<String> = lines.map(|line| text::one_line(&line)).collect();
    (!lines.is_empty()).then(|| block(&lines.join("\n"), str::to_owned))
}

/// A fence ends at the next one.
fn fenceless(text: &str) -> String {
    text.replace('`', "'")
}

fn block(text: &str, lay_out: impl Fn(&str) -> String) -> Value {
    // Room for what it is laid out with.
    laid_out(&lay_out(&escaped(text, BLOCK - 100)))
}

fn laid_out(text: &str) -> Value {
    json!({
        "type": "section",
        "text": { "type": "mrkdwn", "text": text, "verbatim": true },
    })
}

fn sign(kind: PostKind, severity: Severity) -> &'static str {
    match (kind, severity) {
        (PostKind::Resolved, _) => ":white_check_mark:",
        (PostKind::Opened | PostKind::Changed | PostKind::Digest, Severity::Critical) => {
            ":rotating_light:"
        }
        (PostKind::Opened | PostKind::Changed | PostKind::Digest, Severity::Error) => {
            ":red_circle:"
        }
        (PostKind::Opened | PostKind::Changed | PostKind::Digest, Severity::Warning) => ":warning:",
    }
}

/// A text of which Slack makes nothing: neither a mention nor a link
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>). At most so many characters
/// after that.
pub(crate) fn escaped(text: &str, most: usize) -> String {
    let mut safe = String::new();
    let mut length = 0;
    for c in text.chars() {
        let replaced = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        length += replaced.len().max(1);
        if length >= most {
            safe.push('…');
            break;
        }
        if replaced.is_empty() {
            safe.push(c);
        } else {
            safe.push_str(replaced);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::{post, printed_post};

    #[test]
    fn nobody_is_called_and_nothing_is_a_link() {
        let cases = [
            ("<!channel>", "&lt;!channel&gt;"),
            ("<@U024BE7LH> & co", "&lt;@U024BE7LH&gt; &amp; co"),
            (
                "<https://evil.example|murmur>",
                "&lt;https://evil.example|murmur&gt;",
            ),
            ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ];
        for (text, expected) in cases {
            assert_eq!(escaped(text, 100), expected);
            let mut post = post(PostKind::Opened);
            post.title = text.into();
            post.lines = vec![text.into()];
            post.fields = vec![(text.into(), text.into())];
            post.commands = vec![text.into()];
            let message = message(&post).to_string();
            assert!(!message.contains('<'), "{message}");
            assert_eq!(message.matches("\"verbatim\":true").count(), 4);
        }
        assert_eq!(escaped("<<<<<", 10), "&lt;&lt;…");
    }

    #[test]
    fn what_was_printed_is_fenced_and_only_our_own_links_are_links() {
        let message = message(&printed_post());
        let texts: Vec<&str> = message["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["text"]["text"].as_str().unwrap())
            .collect();
        assert_eq!(
            texts[3],
            "clean, attempt 2 printed last:\n```reading 'x'\n&lt;!channel&gt; no such table```"
        );
        assert_eq!(
            texts[4],
            "<https://console.example/a?b=1&amp;c=2|log &lt;b&gt;>"
        );
        assert_eq!(texts.len(), 6);
    }

    #[test]
    fn however_much_there_is_to_say_slack_takes_it() {
        let mut post = post(PostKind::Digest);
        post.title = "<".repeat(10_000);
        post.lines = vec!["&".repeat(5_000); 60];
        post.fields = vec![("a".repeat(5_000), "b".repeat(5_000)); 40];
        post.commands = vec!["`".repeat(5_000)];
        let message = message(&post);
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        for block in blocks {
            let text = block["text"]["text"].as_str().unwrap();
            assert!((1..=BLOCK).contains(&text.chars().count()));
        }
        assert!(message["text"].as_str().unwrap().chars().count() <= TEXT);
    }

    #[test]
    fn a_message_says_what_a_person_asks_first() {
        let message = message(&post(PostKind::Opened));
        let said: Vec<&str> = message["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["text"]["text"].as_str().unwrap())
            .collect();
        let expected = [
            ":red_circle: *weather/daily: clean failed*",
            "Logical date: 2026-03-01",
            "clean: exit code 1\nload: exit code 2\n… and 3 more",
            "```murmur show weather--daily--k-1```",
        ];
        assert_eq!(said, expected);
        let resolved = super::message(&post(PostKind::Resolved)).to_string();
        assert!(resolved.contains(":white_check_mark:"));
    }
}
