//! "Did you mean …?": the known word closest to an unknown one.

/// The most comparisons for one set: a set in which thousands of names are wrong must not cost
/// thousands times thousands, and nobody reads the last of those suggestions.
const MOST_COMPARISONS: usize = 200_000;

/// Suggests words while its budget lasts.
#[derive(Debug)]
pub(crate) struct Suggestions {
    comparisons_left: usize,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self {
            comparisons_left: MOST_COMPARISONS,
        }
    }
}

impl Suggestions {
    /// Finds the closest of the known words, if one is close.
    pub(crate) fn closest<'a>(
        &mut self,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        if word.is_empty() || word.len() > 64 {
            return None;
        }
        let wanted = word.to_lowercase();
        let allowed = 1 + wanted.chars().count() / 4;
        let mut best: Option<(usize, &str)> = None;
        for candidate in known {
            self.comparisons_left = self.comparisons_left.checked_sub(1)?;
            if candidate.len().abs_diff(wanted.len()) > allowed {
                continue;
            }
            let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
            let better = best.is_none_or(|(least, _)| distance < least);
            if distance <= allowed && better && distance < candidate.chars().count() {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Says which known word may have been meant, else which there are.
    pub(crate) fn help<'a>(
        &mut self,
        word: &str,
        known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
    ) -> Option<String> {
        const MOST_LISTED: usize = 24;
        let known = known.into_iter();
        if let Some(closest) = self.closest(word, known.clone()) {
            return Some(format!("did you mean `{closest}`?"));
        }
        let listed: Vec<String> = known
            .take(MOST_LISTED + 1)
            .map(|word| format!("`{word}`"))
            .collect();
        match listed.len() {
            0 => None,
            1 => Some(format!("there is only {}", listed[0])),
            2..=MOST_LISTED => Some(format!("there are {}", listed.join(", "))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_words_are_suggested() {
        let known = ["timeout", "retries", "spark", "after"];
        let cases = [
            ("timeuot", Some("timeout")),
            ("Timeout", Some("timeout")),
            ("retrys", Some("retries")),
            ("sprak", Some("spark")),
            ("banana", None),
            ("", None),
            ("x", None),
        ];
        for (word, expected) in cases {
            assert_eq!(
                Suggestions::default().closest(word, known),
                expected,
                "{word}"
            );
        }
    }

    #[test]
    fn suggestions_end_with_their_budget() {
        let mut suggestions = Suggestions {
            comparisons_left: 1,
        };
        assert_eq!(suggestions.closest("aftr", ["after"]), Some("after"));
        assert_eq!(suggestions.closest("aftr", ["after"]), None);
    }
}
