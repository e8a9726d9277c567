//! What a letter among the dead letters says of itself: by its attributes, which are of whoever put it
//! there. Pure.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName};

/// Whether SQS itself moved it, since it was delivered too often.
pub(crate) fn was_moved(system: &HashMap<MessageSystemAttributeName, String>) -> bool {
    system.contains_key(&MessageSystemAttributeName::DeadLetterQueueSourceArn)
}

/// The attributes that are texts.
pub(crate) fn said(attributes: HashMap<String, MessageAttributeValue>) -> BTreeMap<String, String> {
    let texts = attributes
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.string_value?)));
    texts.collect()
}

/// Says in words why a letter is here, by the attributes of whoever put it here.
pub(crate) fn reason(said: &BTreeMap<String, String>, was_moved: bool) -> String {
    let get = |name: &str| {
        said.get(name)
            .map(String::as_str)
            .filter(|said| !said.is_empty())
    };
    if let Some(reason) = get("reason") {
        return reason.to_owned();
    }
    // EventBridge names its rule, its Scheduler the schedule.
    let sender = match (get("RULE_ARN"), get("SCHEDULE_ARN")) {
        (Some(rule), _) => Some(format!("EventBridge's rule {}", last(rule))),
        (None, Some(schedule)) => Some(format!("the schedule {}", last(schedule))),
        (None, None) => None,
    };
    let error = get("ERROR_MESSAGE").or(get("ERROR_CODE"));
    if sender.is_some() || error.is_some() {
        let sender = sender.unwrap_or_else(|| "its sender".into());
        let tries = match get("RETRY_ATTEMPTS") {
            Some("0") | None => String::new(),
            Some(again) => format!(", nor in {again} tries more"),
        };
        let error = error.unwrap_or("it says no reason").trim_end_matches('.');
        return format!("{sender} could not deliver it: {error}{tries}");
    }
    if was_moved {
        return "its function failed each time it was delivered; the function's log says why"
            .into();
    }
    "whoever put it here says no reason".into()
}

/// The name in an ARN: what follows its resource's kind.
fn last(arn: &str) -> &str {
    arn.split_once('/').map_or(arn, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_in_words_why_it_is_here() {
        let rule = "arn:aws:events:eu-west-1:1:rule/murmur-emr";
        let schedule = "arn:aws:scheduler:eu-west-1:1:schedule/murmur-weather/report";
        let gone = "The specified queue does not exist.";
        let cases: [(&[(&str, &str)], bool, &str); 7] = [
            (&[("reason", "it is no JSON")], false, "it is no JSON"),
            (
                &[
                    ("RULE_ARN", rule),
                    ("ERROR_MESSAGE", gone),
                    ("RETRY_ATTEMPTS", "185"),
                ],
                false,
                "EventBridge's rule murmur-emr could not deliver it: The specified queue does not exist, nor in 185 tries more",
            ),
            (
                &[
                    ("SCHEDULE_ARN", schedule),
                    ("ERROR_CODE", "AWS.SimpleQueueService.NonExistentQueue"),
                    ("RETRY_ATTEMPTS", "0"),
                ],
                false,
                "the schedule murmur-weather/report could not deliver it: AWS.SimpleQueueService.NonExistentQueue",
            ),
            (
                &[("ERROR_MESSAGE", gone)],
                false,
                "its sender could not deliver it: The specified queue does not exist",
            ),
            (
                &[("RULE_ARN", rule)],
                false,
                "EventBridge's rule murmur-emr could not deliver it: it says no reason",
            ),
            (
                &[],
                true,
                "its function failed each time it was delivered; the function's log says why",
            ),
            (&[], false, "whoever put it here says no reason"),
        ];
        for (said, was_moved, expected) in cases {
            let said = said
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()));
            assert_eq!(reason(&said.collect(), was_moved), expected);
        }
    }
}
