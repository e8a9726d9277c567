//! Text with `*` in it, as the `wildcard` operator means it.
//!
//! `\*` and `\\` stand for themselves; two stars in a row and any other escape are refused, as by
//! EventBridge. Must not know where in a pattern it stands.

/// Matches texts that consist of its pieces in order, with anything between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// What stands before the first star; the whole text if there is none.
    head: String,
    /// What stands between and after the stars.
    rest: Vec<String>,
}

impl Wildcard {
    /// Parses a text, or says what is wrong with it and what would be right.
    pub(super) fn parse(text: &str) -> Result<Wildcard, (&'static str, &'static str)> {
        let mut pieces = vec![String::new()];
        let mut after_star = false;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '*' if after_star => {
                    return Err(("two `*` follow one another", "one `*` matches any length"));
                }
                '*' => {
                    pieces.push(String::new());
                    after_star = true;
                    continue;
                }
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => escaped,
                    Some(_) | None => {
                        return Err((
                            "`\\` escapes nothing here",
                            "only `\\*` and `\\\\` are escapes",
                        ));
                    }
                },
                other => other,
            };
            after_star = false;
            if let Some(piece) = pieces.last_mut() {
                piece.push(literal);
            }
        }
        let rest = pieces.split_off(1);
        Ok(Wildcard {
            head: pieces.concat(),
            rest,
        })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((tail, middle)) = self.rest.split_last() else {
            return text == self.head;
        };
        let Some(mut left) = text.strip_prefix(self.head.as_str()) else {
            return false;
        };
        // The leftmost place for each piece leaves the most for those after it.
        for piece in middle {
            match left.find(piece.as_str()) {
                Some(at) => left = &left[at + piece.len()..],
                None => return false,
            }
        }
        left.ends_with(tail.as_str())
    }

    /// Tells whether some text that begins with `prefix` matches.
    pub(super) fn could_match_start(&self, prefix: &str) -> bool {
        self.head.starts_with(prefix) || (!self.rest.is_empty() && prefix.starts_with(&self.head))
    }

    /// Tells whether every text that begins with `prefix` matches.
    pub(super) fn matches_all_starts(&self, prefix: &str) -> bool {
        self.rest.last().is_some_and(String::is_empty) && self.matches(prefix)
    }
}
