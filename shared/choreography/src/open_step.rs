//! Compares a place of an instance's open steps with what the service lists there (rule 17).
//!
//! A place whose holder has ended is free and only left to be cleared away; its end itself is told
//! by the message that brought it, until that was dealt with (rule 2). Must not know how steps are
//! listed or whom the words are sent to.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::limit::Place;
use model::observation::{WorkObservation, WorkState};
use model::task::{Task, TaskState};
use model::units::Seconds;

/// After how long a place whose holder is not at this instance is a left-over: longer than any
/// submitter takes from the place to its claim.
const LEFT_OVER: Seconds = Seconds::minutes(15);

/// What a comparison leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// observe-task is told what the service says.
    Tell(WorkObservation),
    /// The attempt's time-out is reached: it is to be stopped.
    TimeOut,
    /// The attempt was never submitted: submit-task is sent it again.
    Submit,
    /// The holder has ended, or is not here: the place is cleared away.
    Free,
}

/// Judges one place. `seen` is everything the service lists under the holder's key; an instance
/// that has ended answers for what is not reported as ended: it was lost with its place.
pub fn judge(
    instance: &Instance,
    place: &Place,
    key: &AttemptKey,
    task: Option<&Task>,
    seen: &[&WorkObservation],
    now: Timestamp,
) -> Vec<Word> {
    let gone = instance.ended_at.filter(|_| instance.state.is_terminal());
    if task.is_some_and(|task| has_ended(task, key)) {
        return of_ended(seen, gone);
    }
    if seen.is_empty() {
        return of_unseen(instance, place, key, task, gone, now);
    }
    let mut words: Vec<Word> = seen
        .iter()
        .filter_map(|seen| {
            let word = final_word(seen, gone);
            let live = !word.state.is_terminal();
            (!live || task.is_none_or(|task| is_news(task, seen))).then_some(Word::Tell(word))
        })
        .collect();
    let open = gone.is_none() && seen.iter().any(|seen| !seen.state.is_terminal());
    if open && place.timeout_at.is_some_and(|timeout| timeout <= now) {
        words.push(Word::TimeOut);
    }
    words
}

/// Whether the task's item proves that the attempt has ended. What has ended stays so: an item that
/// was read a little late proves it, too.
pub fn has_ended(task: &Task, key: &AttemptKey) -> bool {
    let newest = (task.generation, task.attempt);
    let held = (key.generation, key.attempt);
    newest > held || (newest == held && task.state.outcome().is_some())
}

/// What still lives of an attempt that has ended is a stray, and takes a place.
fn of_ended(seen: &[&WorkObservation], gone: Option<Timestamp>) -> Vec<Word> {
    let words = seen.iter().map(|seen| final_word(seen, gone));
    let live: Vec<Word> = words
        .filter(|word| !word.state.is_terminal())
        .map(Word::Tell)
        .collect();
    if live.is_empty() {
        return vec![Word::Free];
    }
    live
}

fn of_unseen(
    instance: &Instance,
    place: &Place,
    key: &AttemptKey,
    task: Option<&Task>,
    gone: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Word> {
    let claim = task.and_then(|task| Some((task, task.claim.as_ref()?)));
    let here = claim.filter(|(task, claim)| {
        task.state.is_open() && claim.instance.as_ref() == Some(&instance.instance)
    });
    let Some((task, claim)) = here else {
        // An instance that has ended is not looked at again, and takes nobody who comes yet.
        let left_over = gone.is_some() || LEFT_OVER.after(place.since) <= now;
        return if left_over {
            vec![Word::Free]
        } else {
            Vec::new()
        };
    };
    match (&task.submission, gone) {
        (Some(submission), Some(at)) => vec![Word::Tell(WorkObservation {
            key: key.clone(),
            place: claim.place.clone(),
            submission: submission.clone(),
            state: WorkState::Interrupted,
            reason: Some(lost(at)),
            at,
        })],
        // The service lists late; the time-out or the instance's end will tell.
        (Some(_), None) => Vec::new(),
        (None, _) if claim.lease_until <= now => vec![Word::Submit],
        (None, _) => Vec::new(),
    }
}

/// What the service says, or that the work was lost with its instance.
fn final_word(seen: &WorkObservation, gone: Option<Timestamp>) -> WorkObservation {
    match gone {
        Some(at) if !seen.state.is_terminal() => WorkObservation {
            state: WorkState::Interrupted,
            reason: Some(lost(at)),
            at,
            ..seen.clone()
        },
        Some(_) | None => seen.clone(),
    }
}

fn lost(at: Timestamp) -> String {
    format!("its instance ended at {at}")
}

/// Whether live work says what its task does not know: a state, its id, or that it is a stray.
fn is_news(task: &Task, seen: &WorkObservation) -> bool {
    let state = match seen.state {
        WorkState::Running => TaskState::Running,
        WorkState::Pending
        | WorkState::Succeeded
        | WorkState::Failed
        | WorkState::Cancelled
        | WorkState::Interrupted => TaskState::Submitted,
    };
    task.submission.as_ref() != Some(&seen.submission) || state.rank() > task.state.rank()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::cluster::InstanceState;
    use model::task::{Claim, Failures, Place as Where};
    use testkit::night::instance;

    fn minute(minutes: u64) -> Timestamp {
        Seconds::minutes(minutes).after(instance(InstanceState::Ready).window_start)
    }

    fn key() -> AttemptKey {
        "weather--daily--slot--clean--1-2".parse().unwrap()
    }

    /// The attempt's task: claimed at minute 60 with a lease until minute 62.
    fn task(state: TaskState, attempt: u32, submission: Option<&str>) -> Task {
        Task {
            run: key().run,
            task: key().task,
            team: "weather".parse().unwrap(),
            workflow: "daily".parse().unwrap(),
            state,
            generation: 1,
            attempt,
            failures: Failures::default(),
            epoch: 1,
            claim: state.is_open().then(|| Claim {
                lease_until: minute(62),
                place: Where::Instance("j-1".into()),
                instance: Some(instance(InstanceState::Ready).instance),
                limits: vec![],
                seeks: Vec::new(),
            }),
            submission: submission.map(Into::into),
            cluster: None,
            reason: None,
            ready_at: minute(60),
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        }
    }

    fn seen(id: &str, state: WorkState) -> WorkObservation {
        WorkObservation {
            key: key(),
            place: Where::Instance("j-1".into()),
            submission: id.into(),
            state,
            reason: None,
            at: minute(65),
        }
    }

    /// The words, short: `tell` with id and state, `time out`, `submit`, `free`.
    fn words(
        state: InstanceState,
        task: Option<&Task>,
        seen: &[WorkObservation],
        now: u64,
    ) -> Vec<String> {
        let instance = instance(state);
        let place = Place {
            limit: model::limit::LimitRef::Steps(instance.instance.clone()),
            number: 0,
            holder: key().to_string(),
            epoch: 1,
            since: minute(60),
            timeout_at: Some(minute(90)),
            due_at: None,
        };
        let seen: Vec<&WorkObservation> = seen.iter().collect();
        judge(&instance, &place, &key(), task, &seen, minute(now))
            .into_iter()
            .map(|word| match word {
                Word::Tell(word) => format!("tell {} {:?}", word.submission, word.state),
                Word::TimeOut => "time out".into(),
                Word::Submit => "submit".into(),
                Word::Free => "free".into(),
            })
            .collect()
    }

    #[test]
    fn a_place_of_a_living_instance_is_compared_with_what_is_listed() {
        use TaskState::{Claimed, Failed, Retrying, Running, Submitted, Waiting};
        use WorkState::{Cancelled, Pending, Succeeded};
        let running = || seen("s-1", WorkState::Running);
        let cases = [
            (
                "in step",
                task(Running, 2, Some("s-1")),
                vec![running()],
                70,
                vec![],
            ),
            (
                "its start was lost",
                task(Submitted, 2, Some("s-1")),
                vec![running()],
                70,
                vec!["tell s-1 Running"],
            ),
            (
                "its end was lost",
                task(Running, 2, Some("s-1")),
                vec![seen("s-1", Succeeded)],
                70,
                vec!["tell s-1 Succeeded"],
            ),
            (
                "its end was lost, and its time-out has passed",
                task(Running, 2, Some("s-1")),
                vec![seen("s-1", Succeeded)],
                95,
                vec!["tell s-1 Succeeded"],
            ),
            (
                "its submission was never answered",
                task(Claimed, 2, None),
                vec![seen("s-1", Pending)],
                61,
                vec!["tell s-1 Pending"],
            ),
            (
                "submitted twice",
                task(Running, 2, Some("s-1")),
                vec![running(), seen("s-2", Pending)],
                70,
                vec!["tell s-2 Pending"],
            ),
            (
                "too long",
                task(Running, 2, Some("s-1")),
                vec![running()],
                90,
                vec!["time out"],
            ),
            ("just claimed", task(Claimed, 2, None), vec![], 61, vec![]),
            (
                "never submitted",
                task(Claimed, 2, None),
                vec![],
                62,
                vec!["submit"],
            ),
            (
                "not listed yet",
                task(Submitted, 2, Some("s-1")),
                vec![],
                95,
                vec![],
            ),
            (
                "ended",
                task(Failed, 2, Some("s-1")),
                vec![seen("s-1", Cancelled)],
                70,
                vec!["free"],
            ),
            (
                "followed by another attempt",
                task(Retrying, 3, None),
                vec![seen("s-1", Cancelled)],
                70,
                vec!["free"],
            ),
            (
                "followed by another attempt, yet alive",
                task(Retrying, 3, None),
                vec![running()],
                70,
                vec!["tell s-1 Running"],
            ),
            ("about to claim", task(Waiting, 2, None), vec![], 70, vec![]),
            (
                "left over",
                task(Waiting, 2, None),
                vec![],
                75,
                vec!["free"],
            ),
        ];
        for (name, task, listed, now, expected) in cases {
            let words = words(InstanceState::Ready, Some(&task), &listed, now);
            assert_eq!(words, expected, "{name}");
        }
    }

    #[test]
    fn an_instance_that_has_ended_answers_for_what_is_not_reported_as_ended() {
        use TaskState::{Claimed, Running};
        let cases = [
            (
                "still shown as running",
                task(Running, 2, Some("s-1")),
                vec![seen("s-1", WorkState::Running)],
                vec!["tell s-1 Interrupted"],
            ),
            (
                "reported",
                task(Running, 2, Some("s-1")),
                vec![seen("s-1", WorkState::Succeeded)],
                vec!["tell s-1 Succeeded"],
            ),
            (
                "not listed any more",
                task(Running, 2, Some("s-1")),
                vec![],
                vec!["tell s-1 Interrupted"],
            ),
            (
                "never submitted",
                task(Claimed, 2, None),
                vec![],
                vec!["submit"],
            ),
        ];
        for (name, task, listed, expected) in cases {
            let words = words(InstanceState::Failed, Some(&task), &listed, 300);
            assert_eq!(words, expected, "{name}");
        }
        // Its taker gave the claim up and died before it gave the place back.
        let waiting = task(TaskState::Waiting, 2, None);
        let words = words(InstanceState::Failed, Some(&waiting), &[], 61);
        assert_eq!(words, ["free"]);
    }

    #[test]
    fn a_place_without_a_task_is_kept_until_its_taker_cannot_come_back() {
        assert!(words(InstanceState::Ready, None, &[], 74).is_empty());
        assert_eq!(words(InstanceState::Ready, None, &[], 75), ["free"]);
    }
}
