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
            since: Timestamp::UNIX_EPOCH,
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

fn place(instance: &Instance) -> Place {
    Place {
        limit: model::limit::LimitRef::Steps(instance.instance.clone()),
        number: 0,
        holder: key().to_string(),
        epoch: 1,
        since: minute(60),
        timeout_at: Some(minute(90)),
        due_at: None,
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
    let place = place(&instance);
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
fn work_that_was_lost_with_its_instance_says_when_and_where() {
    let instance = instance(InstanceState::Failed);
    let place = place(&instance);
    let lost = WorkObservation {
        state: WorkState::Interrupted,
        reason: Some("its instance ended at 2026-06-01T08:00:00Z".into()),
        at: minute(240),
        ..seen("s-1", WorkState::Running)
    };
    let running = task(TaskState::Running, 2, Some("s-1"));
    for listed in [vec![], vec![seen("s-1", WorkState::Running)]] {
        let seen: Vec<&WorkObservation> = listed.iter().collect();
        let words = judge(
            &instance,
            &place,
            &key(),
            Some(&running),
            &seen,
            minute(300),
        );
        assert_eq!(words, [Word::Tell(lost.clone())], "{listed:?}");
    }
}

#[test]
fn a_claim_elsewhere_leaves_its_place_here_to_be_cleared_away() {
    let mut elsewhere = task(TaskState::Claimed, 2, None);
    let claim = elsewhere.claim.as_mut().unwrap();
    claim.instance.as_mut().unwrap().ordinal = 2;
    let words = |now| words(InstanceState::Ready, Some(&elsewhere), &[], now);
    assert!(words(74).is_empty());
    assert_eq!(words(75), ["free"]);
}

#[test]
fn a_place_without_a_task_is_kept_until_its_taker_cannot_come_back() {
    assert!(words(InstanceState::Ready, None, &[], 74).is_empty());
    assert_eq!(words(InstanceState::Ready, None, &[], 75), ["free"]);
}
