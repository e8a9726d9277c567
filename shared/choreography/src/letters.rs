//! Messages that lie among the dead letters of an inbox: when that is news, and whose they are.

use model::Timestamp;
use model::fact::{Fact, FactBody, LettersFact};
use model::letters::{SetAside, platform};
use model::message::Function;
use model::name::TeamName;
use serde_json::Value;

/// How deep a message is searched for whose it is; none of ours is deeper.
const DEPTH: usize = 6;

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 500;

/// What a count of an inbox's dead letters comes to, given what is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// No news.
    Same,
    /// There are some, and there were none: one is to be looked at.
    New,
    /// There are none any more.
    Gone(SetAside),
}

/// Decides it. That more are set aside while some lie there is no news.
pub fn count(known: Option<&SetAside>, letters: u32, now: Timestamp) -> Counted {
    match known.filter(|known| known.gone_at.is_none()) {
        None if letters > 0 => Counted::New,
        Some(known) if letters == 0 => Counted::Gone(SetAside {
            gone_at: Some(now),
            told: false,
            ..known.clone()
        }),
        None | Some(_) => Counted::Same,
    }
}

/// What is known from now on of letters that are news; `seen` is the reason and body of one of them.
pub fn set_aside(letters: u32, seen: Option<(String, String)>, now: Timestamp) -> SetAside {
    let (reason, body) = seen.unzip();
    let body: Option<Value> = body.and_then(|body| serde_json::from_str(&body).ok());
    let team = body.as_ref().and_then(|body| team_in(body, DEPTH));
    let reason = reason.map(|reason| reason.chars().take(REASON_MAX).collect());
    SetAside {
        team: team.unwrap_or_else(platform),
        since: now,
        letters,
        reason,
        gone_at: None,
        told: false,
    }
}

/// The fact that tells of it; built again it is the same.
pub fn fact(inbox: Function, known: &SetAside) -> Fact {
    let told = LettersFact {
        inbox,
        since: known.since,
        letters: known.letters,
        reason: known.reason.clone(),
    };
    let (at, body) = match known.gone_at {
        None => (known.since, FactBody::LettersSetAside(told)),
        Some(gone_at) => (gone_at, FactBody::LettersGone(told)),
    };
    Fact::new(known.team.clone(), None, at, body)
}

/// Whose a message is, by the first that it names: a team, or something that is named after one.
///
/// Of a message that cannot be read nothing is known, so this asks for no shape.
fn team_in(value: &Value, depth: usize) -> Option<TeamName> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => {
            let named = |name: &str, end: &str| {
                let text = fields.get(name)?.as_str()?;
                let team = if end.is_empty() {
                    text
                } else {
                    text.split_once(end)?.0
                };
                team.parse::<TeamName>().ok()
            };
            named("team", "")
                .or_else(|| named("run", "--"))
                .or_else(|| named("workflow", "/"))
                .or_else(|| named("cluster", "/"))
                .or_else(|| named("instance", "--"))
                .or_else(|| fields.values().find_map(|value| team_in(value, depth)))
        }
        Value::Array(values) => values.iter().find_map(|value| team_in(value, depth)),
        // A fact on its way from a topic may be a text within the message.
        Value::String(text) if text.starts_with('{') => {
            team_in(&serde_json::from_str(text).ok()?, depth)
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn letters_are_news_once_until_none_is_left() {
        let lying = SetAside {
            told: true,
            ..set_aside(3, None, at(10))
        };
        let Counted::Gone(gone) = count(Some(&lying), 0, at(40)) else {
            panic!("they are gone");
        };
        assert_eq!((gone.since, gone.gone_at), (at(10), Some(at(40))));
        assert!(!gone.told, "nobody knows that they are gone");
        for (known, letters, expected) in [
            (None, 0, Counted::Same),
            (None, 1, Counted::New),
            (Some(&lying), 3, Counted::Same),
            (Some(&lying), 9, Counted::Same),
            (Some(&gone), 0, Counted::Same),
            (Some(&gone), 1, Counted::New),
        ] {
            assert_eq!(
                count(known, letters, at(50)),
                expected,
                "{known:?} {letters}"
            );
        }
    }

    #[test]
    fn a_letter_is_of_the_team_that_it_names_first_or_of_the_platform() {
        let message = r#"{"fact":{"type":"x","team":"weather","data":{"run":"sales--a--b"}}}"#;
        for (body, expected) in [
            (message, "weather"),
            (r#"{"Message":"{\"team\":\"weather\"}"}"#, "weather"),
            (r#"{"work":{"key":{"run":"weather--daily--1"}}}"#, "weather"),
            (r#"{"start":{"workflow":"weather/daily"}}"#, "weather"),
            (r#"{"detail":[{"team":"Not A Team"}]}"#, "murmur"),
            ("{ broken", "murmur"),
            ("", "murmur"),
        ] {
            let seen = Some(("why".to_owned(), body.to_owned()));
            let known = set_aside(1, seen, at(1));
            assert_eq!(known.team.as_str(), expected, "{body}");
        }
    }

    #[test]
    fn what_begins_and_what_ends_are_facts_of_one_time() {
        let lying = set_aside(3, Some(("broken".into(), String::new())), at(10));
        let begun = fact(Function::Alert, &lying);
        let Counted::Gone(gone) = count(Some(&lying), 0, at(40)) else {
            panic!("they are gone");
        };
        let ended = fact(Function::Alert, &gone);
        assert_eq!((begun.time, ended.time), (at(10), at(40)));
        assert_eq!(begun.subject, "alert");
        assert_ne!(begun.id, ended.id);
        let again = fact(Function::Alert, &set_aside(1, None, at(70)));
        assert_ne!(begun.id, again.id);
    }
}
