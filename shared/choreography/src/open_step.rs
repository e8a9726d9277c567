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
mod tests;
