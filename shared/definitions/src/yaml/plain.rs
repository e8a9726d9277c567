//! What a scalar without quotes is, and whether YAML 1.1 agrees.
//!
//! Terraform reads the same files with YAML 1.1 rules (<https://yaml.org/type/>), so what the two
//! read differently must be quoted or written differently.

/// What a scalar without quotes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Boolean(bool),
    Number,
    Text,
    /// YAML 1.1 reads it as something else, here named.
    Ambiguous(&'static str),
}

/// Classifies a scalar without quotes.
pub(super) fn classify(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Boolean(true),
        "false" | "False" | "FALSE" => return Plain::Boolean(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Plain::Ambiguous("the boolean `true`");
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Plain::Ambiguous("the boolean `false`");
        }
        "<<" => return Plain::Ambiguous("a merge of mappings"),
        "=" => return Plain::Ambiguous("a default value"),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned.bytes().next() {
        Some(b'0'..=b'9' | b'.') => number_like(unsigned).unwrap_or(Plain::Text),
        Some(_) | None => Plain::Text,
    }
}

fn number_like(text: &str) -> Option<Plain> {
    if is_date(text) {
        return Some(Plain::Ambiguous("a date"));
    }
    if is_sexagesimal(text) {
        return Some(Plain::Ambiguous("a number to the base of 60"));
    }
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Some(Plain::Ambiguous("an infinite or undefined number"));
    }
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let digits = lower
            .strip_prefix(prefix)
            .map(|digits| digits.replace('_', ""));
        if digits.is_some_and(|digits| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))
        }) {
            return Some(Plain::Ambiguous("a number to another base, or as text"));
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    if !mantissa
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b'.')
        || !mantissa.bytes().any(|byte| byte.is_ascii_digit())
        || mantissa.bytes().filter(|byte| *byte == b'.').count() > 1
    {
        return None;
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        return Some(Plain::Ambiguous(
            "a number or a text, depending on the reader",
        ));
    }
    if mantissa.contains('_') {
        return Some(Plain::Ambiguous("a number without the `_`"));
    }
    let whole = !mantissa.contains('.');
    if whole && mantissa.len() > 1 && mantissa.starts_with('0') {
        return Some(Plain::Ambiguous("an octal number"));
    }
    Some(Plain::Number)
}

/// `2026-03-01`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let digits = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day = rest.bytes().take_while(u8::is_ascii_digit).count();
    let time = &rest[day..];
    let timed = time.is_empty()
        || time
            .strip_prefix(['T', 't', ' ', '\t'])
            .is_some_and(|time| time.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    digits(year, 4, 4) && digits(month, 1, 2) && (1..=2).contains(&day) && timed
}

/// `12:30`, `1:02:03.5`.
fn is_sexagesimal(text: &str) -> bool {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        Some(_) => return false,
        None => text,
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let number = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let mut others = parts.peekable();
    number(first) && others.peek().is_some() && others.all(|part| number(part) && part.len() <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_both_versions_agree_on_are_what_they_look_like() {
        let cases = [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("true", Plain::Boolean(true)),
            ("False", Plain::Boolean(false)),
            ("0", Plain::Number),
            ("2012", Plain::Number),
            ("-3", Plain::Number),
            ("+4", Plain::Number),
            ("0.25", Plain::Number),
            (".5", Plain::Number),
            ("none", Plain::Text),
            ("2h", Plain::Text),
            ("80%", Plain::Text),
            ("1.2.3", Plain::Text),
            ("2026-03", Plain::Text),
            ("2026-03-01-final", Plain::Text),
            ("cron(0 0 * * ? *)", Plain::Text),
            ("localhost:8080", Plain::Text),
            ("1:80/tcp", Plain::Text),
            ("0xyz", Plain::Text),
            ("-", Plain::Text),
            (".", Plain::Text),
            ("4e", Plain::Text),
            ("{{ year }}", Plain::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(classify(text), expected, "{text}");
        }
    }

    #[test]
    fn scalars_yaml_1_1_reads_otherwise_are_ambiguous() {
        for text in [
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "2026-03-01",
            "2026-3-1",
            "2026-03-01T05:00:00Z",
            "2026-03-01 05:00",
            "12:30",
            "06:00",
            "1:02:03.5",
            "-12:30",
            "010",
            "-07",
            "08",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "1e3",
            "12e07",
            "1.5e-3",
            ".inf",
            "-.INF",
            ".NaN",
            "<<",
            "=",
        ] {
            assert!(
                matches!(classify(text), Plain::Ambiguous(_)),
                "{text}: {:?}",
                classify(text)
            );
        }
    }
}
