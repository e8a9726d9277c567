//! Other processes beside the engine. Threads stand in for them: each has its own connection, and
//! the locks do not care.

use std::time::{Duration, Instant};

use model::message::Function;
use ports::{EventBus as _, Outgoing, Ports as _, Verdict};

use super::world::{FakeCompute, Log, done, message, open, ready, send, task_of};
use crate::{Data, Engine, Guest, Handlers, LocalPorts, Options, Reader};

/// Acknowledges everything.
struct Silent;

impl Handlers<FakeCompute> for Silent {
    async fn handle(
        &self,
        _: Function,
        _: &LocalPorts<FakeCompute>,
        batch: Vec<ports::Delivery>,
    ) -> Vec<Verdict> {
        done(&batch)
    }
}

#[test]
fn mail_reaches_an_engine_that_rests() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::open(folder.path(), Options::default()).unwrap();
    let mut engine = Engine::new(data, FakeCompute::default(), Silent);
    // The first sweep is done; now it rests, in real time.
    engine
        .run_until(|engine| engine.statistics().acknowledged == 1)
        .unwrap();
    let path = folder.path().to_owned();
    let guest = std::thread::spawn(move || {
        let guest = Guest::open(&path).unwrap();
        let mail = vec![Outgoing::from(message("a"))];
        testkit::block_on(guest.send(Function::Operate, mail)).unwrap();
        testkit::block_on(guest.publish(vec![ready("b")])).unwrap();
        Instant::now()
    });
    engine
        .run_until(|engine| engine.statistics().acknowledged == 3)
        .unwrap();
    let took = guest.join().unwrap().elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_guest_can_write_while_the_engine_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let delivered: Log<String> = Log::default();
    let seen = delivered.clone();
    // Each message causes the next: the engine never rests.
    let mut engine = open(folder.path(), move |function, ports, batch| {
        if function == Function::Operate {
            seen.borrow_mut().extend(batch.iter().map(task_of));
        } else {
            testkit::block_on(ports.bus().publish(vec![ready("again")])).unwrap();
        }
        done(&batch)
    });
    send(&engine, ["a"]);
    let path = folder.path().to_owned();
    let guest = std::thread::spawn(move || {
        let guest = Guest::open(&path).unwrap();
        let mut longest = Duration::ZERO;
        for _ in 0..5 {
            let began = Instant::now();
            let mail = vec![Outgoing::from(message("mail"))];
            testkit::block_on(guest.send(Function::Operate, mail)).unwrap();
            longest = longest.max(began.elapsed());
        }
        longest
    });
    let letters = delivered.clone();
    engine
        .run_until(move |_| letters.borrow().len() == 5)
        .unwrap();
    let longest = guest.join().unwrap();
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}

#[test]
fn a_dead_letter_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let delivered: Log<String> = Log::default();
    let seen = delivered.clone();
    let mut engine = open(folder.path(), move |_, _, batch| {
        let known = seen.borrow().len();
        seen.borrow_mut().extend(batch.iter().map(task_of));
        let verdict = if known == 0 {
            Verdict::Poison("not yet".into())
        } else {
            Verdict::Done
        };
        vec![verdict; batch.len()]
    });
    send(&engine, ["a"]);
    engine
        .run_until(|engine| engine.statistics().dead_letters == 1)
        .unwrap();
    let guest = Guest::open(folder.path()).unwrap();
    let id = guest.dead_letters(1).unwrap()[0].id;
    assert!(guest.redrive(id).unwrap());
    assert!(!guest.redrive(id).unwrap(), "it is moved, not copied");
    assert_eq!(guest.dead_letter(id).unwrap(), None);
    let twice = delivered.clone();
    engine
        .run_until(move |_| twice.borrow().len() == 2)
        .unwrap();
    assert_eq!(*delivered.borrow(), ["a", "a"]);
    assert_eq!(
        Reader::open(folder.path())
            .unwrap()
            .dead_letters(1)
            .unwrap(),
        []
    );
}

#[test]
fn mail_that_cannot_be_read_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, _, batch| done(&batch));
    let connection = rusqlite::Connection::open(folder.path().join("murmur.db")).unwrap();
    let mail = "INSERT INTO mailbox (function, body, delay_ms)
                VALUES ('operate', 'nonsense', 0), ('nobody', '\"sweep\"', 0)";
    connection.execute_batch(mail).unwrap();
    engine
        .run_until(|engine| engine.statistics().dead_letters == 2)
        .unwrap();
    let letters = Reader::open(folder.path())
        .unwrap()
        .dead_letters(10)
        .unwrap();
    assert_eq!(letters[0].reason, "there is no such function");
    assert!(letters[1].reason.contains("expected"), "{letters:?}");
}
