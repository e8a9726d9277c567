//! Reading requests, field by field, as lenient as the services are with what they do not know.

use serde_json::Value;

/// A text; empty when there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// A list of texts.
pub fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let entries = value[name].as_array().into_iter().flatten();
    entries.filter_map(Value::as_str).collect()
}

/// A list of anything.
pub fn entries<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// One page of a list, and the token of the next.
pub struct Page<T> {
    pub entries: Vec<T>,
    pub next: Option<String>,
}

/// Cuts a page out of a list; `None` when the token is none of ours.
pub fn page<T>(list: impl IntoIterator<Item = T>, token: &Value, size: usize) -> Option<Page<T>> {
    let from: usize = match token.as_str() {
        Some(token) => token.strip_prefix("page-")?.parse().ok()?,
        None => 0,
    };
    let mut rest = list.into_iter().skip(from);
    let entries: Vec<T> = rest.by_ref().take(size).collect();
    let next = rest.next().map(|_| format!("page-{}", from + size));
    Some(Page { entries, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_where_the_list_does() {
        let mut token = Value::Null;
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        loop {
            let page = page(0..6, &token, 3).unwrap();
            sizes.push(page.entries.len());
            seen.extend(page.entries);
            match page.next {
                Some(next) => token = next.into(),
                None => break,
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert_eq!(sizes, [3, 3]);
        assert!(page(0..6, &"other".into(), 3).is_none());
    }
}
