//! "Did you mean": the known name nearest to one that is not known.

/// The nearest of the known names, if any is near enough to be meant.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    known
        .into_iter()
        .map(|name| (likeness(&wanted, name), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1)))
        .map(|(_, name)| name)
}

/// 1 for the same text; a name without its team, or the beginning of one, is nearly that.
fn likeness(wanted: &str, name: &str) -> f64 {
    let own = name.rsplit_once('/').map_or(name, |(_, own)| own);
    let part = if wanted.len() >= 3 && name.contains(wanted) {
        0.95
    } else {
        0.0
    };
    strsim::jaro_winkler(wanted, name)
        .max(strsim::jaro_winkler(wanted, own))
        .max(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mistyped_or_cut_short_is_found() {
        let known = ["weather/daily_report", "weather/hourly", "power/demand"];
        for (wanted, expected) in [
            ("weather/daly_report", Some("weather/daily_report")),
            ("daily_report", Some("weather/daily_report")),
            ("Demand", Some("power/demand")),
            ("report", Some("weather/daily_report")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, known), expected, "{wanted}");
        }
    }
}
