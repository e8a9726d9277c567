//! What survives: restarts, crashes, full disks, damaged files.

use std::path::Path;

use model::key::Key;
use model::message::Function;
use model::task::Place;
use model::units::Seconds;
use model::work::{Submission, Work};
use ports::{
    Compute as _, EventBus as _, Expect, Item, Outgoing, Ports as _, StateStore as _, Verdict,
    Write,
};

use super::world::{FakeCompute, Log, done, message, open, open_with, ready, send, start, task_of};
use crate::{Data, DataError, EngineError, LocalPorts, Options, Reader};

fn write(ports: &LocalPorts<FakeCompute>, name: &str) {
    let key = Key::Operation(name.into());
    let item = Item {
        key,
        kind: "thing",
        body: "{}".into(),
        due: None,
        listing: None,
    };
    let write = Write::Put {
        item,
        expect: Expect::Anything,
    };
    testkit::block_on(ports.store().commit(vec![write])).unwrap();
}

fn submit(ports: &LocalPorts<FakeCompute>, task: &str) {
    let work = Submission {
        key: format!("weather--report--1--{task}--1-1").parse().unwrap(),
        work: Work::Step { argv: Vec::new() },
        timeout: None,
        execution_role: None,
        tags: Default::default(),
    };
    let place = Place::Queue("light".into());
    let answers = testkit::block_on(ports.compute().submit(&place, &[work]));
    assert!(answers[0].is_ok(), "{answers:?}");
}

/// The names that are committed, as another process sees them.
fn committed(folder: &Path) -> Vec<String> {
    let reader = Reader::open(folder).unwrap();
    let names = ["a", "b", "c", "d", "e"].into_iter().filter(|name| {
        let key = Key::Operation((*name).into());
        testkit::block_on(reader.store().read(&key))
            .unwrap()
            .is_some()
    });
    names.map(String::from).collect()
}

#[test]
fn messages_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), |_, _, _| unreachable!("it is not run"));
    send(&engine, ["a", "b"]);
    let delayed = Outgoing {
        message: message("later"),
        delay: Seconds(600),
    };
    engine.send(Function::SubmitTask, delayed).unwrap();
    drop(engine);
    let delivered: Log<(u64, String)> = Log::default();
    let seen = delivered.clone();
    let mut engine = open(folder.path(), move |_, ports, batch| {
        let at = Seconds::between(start(), ports::Clock::now(ports.clock()));
        seen.borrow_mut()
            .extend(batch.iter().map(|delivery| (at.0, task_of(delivery))));
        done(&batch)
    });
    engine
        .run_until(|engine| engine.now() > Seconds(700).after(start()))
        .unwrap();
    let expected = [(0, "a"), (0, "b"), (600, "later")];
    assert_eq!(
        *delivered.borrow(),
        expected.map(|(at, task)| (at, task.to_owned()))
    );
    drop(engine);
    let mut engine = open(folder.path(), |_, _, _| {
        panic!("nothing is delivered twice")
    });
    assert!(
        engine.now() > Seconds(700).after(start()),
        "a skipping clock goes on"
    );
    engine
        .run_until(|engine| engine.now() > Seconds(1_400).after(start()))
        .unwrap();
    assert_eq!(engine.statistics().dead_letters, 0);
}

/// A crash is an engine that is dropped: nothing is committed when it goes.
#[test]
fn a_crash_loses_only_a_suffix_that_was_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let compute = FakeCompute::default();
    let mut engine = open_with(folder.path(), compute.clone(), |_, ports, batch| {
        write(ports, "a");
        testkit::block_on(ports.bus().publish(vec![ready("next")])).unwrap();
        submit(ports, "work");
        write(ports, "b");
        write(ports, "c");
        done(&batch)
    });
    send(&engine, ["first"]);
    assert!(engine.turn().unwrap());
    drop(engine);
    // What came before the call is there; of what came after it, nothing.
    assert_eq!(compute.submitted.borrow().len(), 1);
    assert_eq!(committed(folder.path()), ["a"]);
    let delivered: Log<String> = Log::default();
    let seen = delivered.clone();
    let mut engine = open(folder.path(), move |_, _, batch| {
        seen.borrow_mut().extend(batch.iter().map(task_of));
        done(&batch)
    });
    engine
        .run_until(|engine| engine.statistics().acknowledged > 2)
        .unwrap();
    assert_eq!(*delivered.borrow(), ["first", "next"]);
}

#[test]
fn the_claim_is_committed_before_the_compute_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let compute = FakeCompute::default();
    let seen: Log<Vec<String>> = Log::default();
    let (log, path) = (seen.clone(), folder.path().to_owned());
    *compute.on_submit.borrow_mut() =
        Some(Box::new(move || log.borrow_mut().push(committed(&path))));
    let mut engine = open_with(folder.path(), compute, |_, ports, batch| {
        for name in ["a", "b"] {
            write(ports, name);
            submit(ports, name);
        }
        done(&batch)
    });
    send(&engine, ["first"]);
    engine
        .run_until(|engine| engine.statistics().acknowledged > 0)
        .unwrap();
    let expected = [vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]];
    assert_eq!(*seen.borrow(), expected);
}

#[test]
fn an_observation_is_acknowledged_only_once_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let compute = FakeCompute::default();
    compute
        .script
        .borrow_mut()
        .push((start(), Function::ObserveTask, message("ended")));
    let (acknowledged, log) = (compute.acknowledged.clone(), Log::default());
    let seen: Log<(u64, bool)> = log.clone();
    let mut engine = open_with(folder.path(), compute.clone(), move |_, _, batch| {
        seen.borrow_mut().push((acknowledged.get(), false));
        vec![Verdict::Later(Seconds(60)); batch.len()]
    });
    engine.turn().unwrap();
    assert_eq!(
        *log.borrow(),
        [(0, false)],
        "delivered at once, not acknowledged yet"
    );
    engine.turn().unwrap();
    assert_eq!(
        compute.acknowledged.get(),
        0,
        "nothing was committed in between"
    );
    engine
        .run_until(|_| compute.acknowledged.get() == 1)
        .unwrap();
    // From now on it is the inbox that keeps it.
    drop(engine);
    let delivered: Log<usize> = Log::default();
    let seen = delivered.clone();
    let mut engine = open(folder.path(), move |_, _, batch| {
        seen.borrow_mut().push(batch.len());
        done(&batch)
    });
    engine
        .run_until(|engine| engine.now() > Seconds(90).after(start()))
        .unwrap();
    assert_eq!(*delivered.borrow(), [1]);
}

#[test]
fn a_full_disk_stops_the_engine_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, ports, batch| {
        let large = Item {
            key: Key::Operation("large".into()),
            kind: "thing",
            body: format!("\"{}\"", "x".repeat(1 << 20)).into(),
            due: None,
            listing: None,
        };
        let large = Write::Put {
            item: large,
            expect: Expect::Anything,
        };
        let verdict = match testkit::block_on(ports.store().commit(vec![large])) {
            Ok(()) => Verdict::Done,
            Err(error) => Verdict::Failed(error.to_string()),
        };
        vec![verdict; batch.len()]
    });
    send(&engine, ["a"]);
    engine.journal.database.fill_disk();
    let error = engine.run().unwrap_err();
    let EngineError::Lost(failure) = &error;
    assert!(
        failure
            .to_string()
            .contains("the disk is full; free some space"),
        "{error}"
    );
    assert!(engine.turn().is_err(), "it stays stopped");
    drop(engine);
    let mut engine = open(folder.path(), |_, _, batch| done(&batch));
    engine
        .run_until(|engine| engine.statistics().acknowledged > 1)
        .unwrap();
}

#[test]
fn a_row_that_cannot_be_read_is_poison() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), |_, _, _| unreachable!("it is not run"));
    send(&engine, ["a", "b"]);
    let spoil = "UPDATE inbox SET body = '{\"tick\":' WHERE id = 1";
    engine.journal.database.execute(spoil, []).unwrap();
    engine.flush().unwrap();
    drop(engine);
    let mut engine = open(folder.path(), |_, _, batch| done(&batch));
    engine
        .run_until(|engine| engine.statistics().acknowledged > 1)
        .unwrap();
    let letters = Reader::open(folder.path())
        .unwrap()
        .dead_letters(10)
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert!(
        letters[0]
            .reason
            .starts_with("the message cannot be read: "),
        "{letters:?}"
    );
    assert_eq!(letters[0].body, "{\"tick\":");
}

#[test]
fn a_second_engine_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = Data::open(folder.path(), Options::default()).unwrap();
    let refused = Data::open(folder.path(), Options::default()).unwrap_err();
    let holder = std::process::id().to_string();
    assert!(matches!(&refused, DataError::Taken { holder: who, .. } if *who == holder));
    assert!(
        refused.to_string().contains(&format!("process {holder}")),
        "{refused}"
    );
    drop(first);
    Data::open(folder.path(), Options::default()).unwrap();
}

#[test]
fn folders_and_files_that_cannot_be_used_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    for (name, content) in [
        ("damaged", b"not a database, but long enough".repeat(100)),
        ("cut", b"SQLite format 3\0".to_vec()),
    ] {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("murmur.db"), content).unwrap();
    }
    let database = |name: &str, sql: &str| {
        std::fs::create_dir(at(name)).unwrap();
        let connection = rusqlite::Connection::open(at(name).join("murmur.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    database("foreign", "CREATE TABLE songs (name TEXT)");
    drop(Data::open(&at("newer"), Options::default()).unwrap());
    let newer = rusqlite::Connection::open(at("newer").join("murmur.db")).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    let cases = [
        (at("file"), "choose another data folder"),
        // Nobody can create files there, not even the superuser.
        ("/proc/self/fdinfo".into(), "choose another data folder"),
        (at("damaged"), "the file is damaged or no database"),
        (at("cut"), "the file is damaged or no database"),
        (at("foreign"), "not one of murmur's"),
        (at("newer"), "its layout is 99, this one knows 1"),
    ];
    for (path, expected) in cases {
        let error = Data::open(&path, Options::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{}: {error}", path.display());
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    }
    let nothing = Reader::open(&at("nowhere")).err().unwrap();
    assert!(matches!(nothing, DataError::NoData { .. }), "{nothing}");
}
