//! How messages are delivered, and what becomes of them.

use model::message::Function;
use model::units::Seconds;
use ports::{Clock as _, EventBus as _, Outgoing, Ports as _, Verdict};

use super::world::{Log, done, message, open, ready, send, start, task_of};

#[test]
fn a_published_fact_reaches_its_subscriber_in_batches() {
    // Messages come and go within one group; only what was sent from outside becomes a row. On a
    // busy machine a group may grow old before they have gone.
    const TRIES: usize = 5;
    let rows: Vec<u64> = (0..TRIES).map(|_| rows_of_published_facts()).collect();
    assert!(rows.iter().any(|rows| *rows < 10), "{rows:?}");
}

/// Publishes 1,500 facts at once and counts how many messages were written down.
fn rows_of_published_facts() -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let batches: Log<usize> = Log::default();
    let seen = batches.clone();
    let mut engine = open(folder.path(), move |function, ports, batch| {
        match function {
            Function::Operate => {
                let facts = (0..1_500)
                    .map(|number| ready(&format!("t{number}")))
                    .collect();
                testkit::block_on(ports.bus().publish(facts)).unwrap();
            }
            Function::SubmitTask => seen.borrow_mut().push(batch.len()),
            other => panic!("{other} subscribes to nothing here"),
        }
        done(&batch)
    });
    let facts: Log<String> = Log::default();
    let observed = facts.clone();
    engine.observe(move |fact| observed.borrow_mut().push(fact.subject.clone()));
    engine
        .send(Function::Operate, Outgoing::from(message("a")))
        .unwrap();
    engine
        .run_until(|engine| engine.statistics().acknowledged >= 1_501)
        .unwrap();
    assert_eq!(*batches.borrow(), [1_000, 500]);
    assert_eq!(facts.borrow().len(), 1_500);
    let statistics = engine.statistics();
    assert_eq!(statistics.facts, 1_500);
    statistics.inbox_rows
}

#[test]
fn more_messages_than_memory_keeps_all_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    const MANY: usize = 20_000;
    let delivered: Log<String> = Log::default();
    let seen = delivered.clone();
    let mut engine = open(folder.path(), move |function, ports, batch| {
        if function == Function::Operate {
            let facts = (0..MANY)
                .map(|number| ready(&format!("t{number}")))
                .collect();
            testkit::block_on(ports.bus().publish(facts)).unwrap();
        } else {
            seen.borrow_mut().extend(batch.iter().map(task_of));
        }
        done(&batch)
    });
    engine
        .send(Function::Operate, Outgoing::from(message("a")))
        .unwrap();
    engine
        .run_until(|engine| engine.statistics().acknowledged as usize > MANY)
        .unwrap();
    let expected: Vec<String> = (0..MANY).map(|number| format!("t{number}")).collect();
    assert_eq!(*delivered.borrow(), expected);
}

#[test]
fn a_message_comes_later_when_the_handler_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let times: Log<(u64, u32)> = Log::default();
    let seen = times.clone();
    let mut engine = open(folder.path(), move |_, ports, batch| {
        let at = Seconds::between(start(), ports.clock().now());
        seen.borrow_mut().push((at.0, batch[0].receives));
        match batch[0].receives {
            1 => vec![Verdict::Later(Seconds(3_600))],
            2 => vec![Verdict::Later(Seconds(0))],
            _ => vec![Verdict::Done],
        }
    });
    send(&engine, ["a"]);
    engine
        .run_until(|engine| engine.statistics().acknowledged > 40)
        .unwrap();
    assert_eq!(*times.borrow(), [(0, 1), (3_600, 2), (3_600, 3)]);
}

#[test]
fn a_failed_message_comes_back_ever_more_slowly_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let times: Log<(u64, Vec<String>)> = Log::default();
    let seen = times.clone();
    let mut engine = open(folder.path(), move |_, ports, batch| {
        let at = Seconds::between(start(), ports.clock().now());
        seen.borrow_mut()
            .push((at.0, batch.iter().map(task_of).collect()));
        let failed = |task: String| task == "bad" || (task == "b" && batch.len() > 1);
        let verdict = |failed| {
            if failed {
                Verdict::Failed("no".into())
            } else {
                Verdict::Done
            }
        };
        batch
            .iter()
            .map(|delivery| verdict(failed(task_of(delivery))))
            .collect()
    });
    send(&engine, ["bad", "a", "b"]);
    engine
        .run_until(|engine| engine.now() > Seconds(4_000).after(start()))
        .unwrap();
    let times = times.borrow();
    assert_eq!(times[0], (0, ["bad", "a", "b"].map(String::from).to_vec()));
    assert_eq!(
        times[2],
        (1, vec!["b".to_owned()]),
        "others are not harmed again"
    );
    let bad: Vec<u64> = times
        .iter()
        .filter(|(_, tasks)| tasks[0] == "bad")
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(
        bad,
        [
            0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1923, 2823, 3723
        ]
    );
}

#[test]
fn a_message_that_fails_for_two_weeks_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, _, batch| {
        vec![Verdict::Failed("down".into()); batch.len()]
    });
    send(&engine, ["a"]);
    engine
        .run_until(|engine| engine.statistics().dead_letters > 0)
        .unwrap();
    let lived = Seconds::between(start(), engine.now());
    assert!(
        lived > Seconds::hours(14 * 24) && lived < Seconds::hours(14 * 24 + 1),
        "{lived}"
    );
    let letters = crate::Reader::open(folder.path())
        .unwrap()
        .dead_letters(10)
        .unwrap();
    assert_eq!(letters[0].reason, "still failing after 14 days: down");
}

#[test]
fn poison_is_put_aside_with_its_reason_and_the_batch_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, _, batch| {
        let poison = |task: String| task == "bad";
        let verdict = |bad| {
            if bad {
                Verdict::Poison("it is bad".into())
            } else {
                Verdict::Done
            }
        };
        batch
            .iter()
            .map(|delivery| verdict(poison(task_of(delivery))))
            .collect()
    });
    send(&engine, ["a", "bad", "b"]);
    engine
        .run_until(|engine| engine.statistics().acknowledged >= 2)
        .unwrap();
    let letters = crate::Reader::open(folder.path())
        .unwrap()
        .dead_letters(10)
        .unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (letter.function.as_str(), letter.receives),
        ("submit-task", 1)
    );
    assert_eq!(letter.reason, "it is bad");
    assert!(letter.at.starts_with("2026-03-01T05:00:0"), "{}", letter.at);
    assert_eq!(
        serde_json::from_str::<model::message::Message>(&letter.body).unwrap(),
        message("bad")
    );
}

#[test]
fn a_panic_counts_as_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, _, batch| {
        assert!(batch[0].receives > 1, "the first time goes wrong");
        done(&batch)
    });
    send(&engine, ["a", "b"]);
    engine
        .run_until(|engine| engine.statistics().acknowledged >= 3)
        .unwrap();
    assert_eq!(engine.statistics().dead_letters, 0);
    assert!(engine.now() >= Seconds(1).after(start()));
}

#[test]
fn a_message_without_a_verdict_failed() {
    let folder = tempfile::tempdir().unwrap();
    let batches: Log<Vec<String>> = Log::default();
    let seen = batches.clone();
    let mut engine = open(folder.path(), move |_, _, batch| {
        seen.borrow_mut().push(batch.iter().map(task_of).collect());
        vec![Verdict::Done]
    });
    send(&engine, ["a", "b"]);
    engine
        .run_until(|engine| engine.statistics().acknowledged >= 3)
        .unwrap();
    assert_eq!(
        *batches.borrow(),
        [vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()]]
    );
}
