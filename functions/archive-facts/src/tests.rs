use model::Timestamp;
use model::fact::{FactBody, RunFact, RunHistory, TaskFact};
use model::run::RunState;
use testkit::{ManualClock, MemoryArchive, block_on, instant};

use super::*;

fn run(number: u32, team: &str, at: Timestamp) -> Fact {
    let body = FactBody::RunSucceeded(RunFact {
        run: format!("{team}--daily--{number}").as_str().into(),
        slot: number.to_string().as_str().into(),
        logical_date: at,
        generation: 1,
        state: RunState::Succeeded,
        depth: 0,
        reason: None,
        history: Some(RunHistory {
            created_at: at,
            started_at: Some(at),
        }),
    });
    Fact::new(
        team.parse().unwrap(),
        Some("daily".parse().unwrap()),
        at,
        body,
    )
}

fn ready(at: Timestamp) -> Fact {
    let body = FactBody::TaskStarted(TaskFact {
        run: "weather--daily--1".into(),
        task: "clean".parse().unwrap(),
        generation: 1,
        attempt: 1,
        outcome: None,
        failure: None,
        reason: None,
        submission: None,
        history: None,
    });
    Fact::new("weather".parse().unwrap(), None, at, body)
}

fn deliver(archive: &MemoryArchive, now: &str, messages: Vec<Message>) -> Vec<Verdict> {
    let clock = ManualClock::at(instant(now));
    let batch = messages.into_iter().map(|message| Delivery {
        message,
        receives: 1,
    });
    block_on(handle(archive, &clock, batch.collect()))
}

fn facts(facts: &[Fact]) -> Vec<Message> {
    facts.iter().cloned().map(Message::Fact).collect()
}

/// The keys of all rows there are, a row for each time it stands in a file.
fn keys(archive: &MemoryArchive) -> Vec<String> {
    let files = archive.files();
    let rows = files.into_iter().flat_map(|(name, bytes)| {
        let partition = Partition::of(&name).unwrap();
        history::read(partition.table, bytes).unwrap()
    });
    let mut keys: Vec<String> = rows.map(|row| row.key()).collect();
    keys.sort();
    keys
}

const LATE: &str = "2026-03-01T23:59:00Z";
const NEXT: &str = "2026-03-02T00:01:00Z";

#[test]
fn a_batch_becomes_a_file_for_each_day_and_team_and_replaces_itself() {
    let archive = MemoryArchive::default();
    let batch = [
        run(1, "weather", instant(LATE)),
        run(2, "weather", instant(NEXT)),
        run(3, "energy", instant(NEXT)),
        run(4, "weather", instant(LATE)),
        ready(instant(LATE)),
    ];
    let mut messages = facts(&batch);
    messages.push(Message::Drain(
        "weather--etl--20260301t050000z--1".parse().unwrap(),
    ));
    for _ in 0..2 {
        let verdicts = deliver(&archive, NEXT, messages.clone());
        assert!(
            verdicts[..5]
                .iter()
                .all(|verdict| *verdict == Verdict::Done)
        );
        assert!(matches!(verdicts[5], Verdict::Poison(_)));
    }
    let files = archive.files();
    let folders: Vec<&str> = files
        .keys()
        .map(|name| &name[..name.rfind('/').unwrap()])
        .collect();
    let expected = [
        "runs/date=2026-03-01/team=weather",
        "runs/date=2026-03-02/team=energy",
        "runs/date=2026-03-02/team=weather",
    ];
    assert_eq!(folders, expected);
    let expected = [
        "energy--daily--3/1",
        "weather--daily--1/1",
        "weather--daily--2/1",
        "weather--daily--4/1",
    ];
    assert_eq!(keys(&archive), expected);
}

#[test]
fn only_facts_whose_file_was_not_kept_return() {
    let archive = MemoryArchive::default();
    archive.fail_after(Some(1));
    let batch = [
        run(1, "weather", instant(LATE)),
        run(2, "energy", instant(LATE)),
    ];
    let verdicts = deliver(&archive, LATE, facts(&batch));
    // Teams come in order, so energy's was kept.
    assert!(matches!(&verdicts[0], Verdict::Failed(_)), "{verdicts:?}");
    assert_eq!(verdicts[1], Verdict::Done);
}

#[test]
fn what_came_twice_stands_once_when_its_day_is_over_wherever_merging_broke_off() {
    let at = instant(LATE);
    let [one, two, three] = [1, 2, 3].map(|number| run(number, "weather", at));
    let (mut broken, mut whole) = (0, None);
    for calls in 0.. {
        let archive = MemoryArchive::default();
        deliver(&archive, LATE, facts(&[one.clone(), two.clone()]));
        deliver(
            &archive,
            LATE,
            facts(&[two.clone(), three.clone(), two.clone()]),
        );
        deliver(&archive, LATE, facts(&[run(4, "weather", instant(NEXT))]));
        assert_eq!(keys(&archive).len(), 5);
        archive.fail_after(Some(calls));
        let told = deliver(&archive, NEXT, vec![Message::Sweep]);
        archive.fail_after(None);
        let mut found = keys(&archive);
        found.dedup();
        assert_eq!(found.len(), 4, "nothing is ever missing");
        if told == [Verdict::Done] {
            whole = Some(archive.files());
            break;
        }
        broken += 1;
        assert_eq!(
            deliver(&archive, NEXT, vec![Message::Sweep]),
            [Verdict::Done]
        );
        assert_eq!(keys(&archive).len(), 4);
        assert_eq!(archive.files().len(), 2);
    }
    assert!(broken > 5, "it broke off {broken} times");
    let files = whole.unwrap();
    assert_eq!(files.len(), 2, "a file for each day: {:?}", files.keys());
}

#[test]
fn more_than_fits_is_merged_into_several_files() {
    let archive = MemoryArchive::default();
    let at = instant(LATE);
    for number in 0..6 {
        deliver(&archive, LATE, facts(&[run(number, "weather", at)]));
    }
    let size = archive.files().values().next().unwrap().len();
    let (partition, _) = Row::of(&run(0, "weather", at)).unwrap();
    block_on(merge(&archive, &partition, 2 * size + 1)).unwrap();
    assert_eq!((archive.files().len(), keys(&archive).len()), (2, 6));
    // What is large enough already stays.
    let before = archive.files();
    block_on(merge(&archive, &partition, 1)).unwrap();
    assert_eq!(archive.files(), before);
    block_on(merge(&archive, &partition, usize::MAX)).unwrap();
    assert_eq!((archive.files().len(), keys(&archive).len()), (1, 6));
}

#[test]
fn a_file_that_is_damaged_is_left_alone_and_named() {
    let archive = MemoryArchive::default();
    let at = instant(LATE);
    deliver(&archive, LATE, facts(&[run(1, "weather", at)]));
    let damaged = "runs/date=2026-03-01/team=weather/facts-0.parquet";
    block_on(archive.put(damaged, b"nonsense".to_vec())).unwrap();
    let before = archive.files();
    let told = deliver(&archive, NEXT, vec![Message::Sweep]);
    assert!(
        matches!(&told[0], Verdict::Failed(why) if why.starts_with(damaged)),
        "{told:?}"
    );
    assert_eq!(archive.files(), before);
}
