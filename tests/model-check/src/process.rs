//! A process: a handler with a message, somewhere in its middle.

use std::collections::HashMap;
use std::future::Future as _;
use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use model::Timestamp;
use model::message::{Function, Message};
use ports::{Delivery, Verdict};

use crate::answer::{Answer, Call};
use crate::items::{Items, fingerprint};
use crate::script::{Fixed, Script};

/// A message in an inbox.
#[derive(Debug, Clone)]
pub struct Letter {
    pub inbox: Function,
    pub message: Arc<Message>,
    /// 1, or 2 for any more; no handler tells more apart but to wait longer.
    pub receives: u32,
    /// In seconds of the model's clock.
    pub visible_at: i64,
    fingerprint: u64,
}

impl Letter {
    /// A message that has not been delivered yet.
    pub fn new(inbox: Function, message: Message, visible_at: i64) -> Self {
        let text = serde_json::to_string(&message).expect("messages are plain data");
        Self {
            inbox,
            fingerprint: fingerprint(&text),
            message: Arc::new(message),
            receives: 1,
            visible_at,
        }
    }

    fn order(&self) -> (Function, i64, u32, u64) {
        (self.inbox, self.visible_at, self.receives, self.fingerprint)
    }

    /// The message in a few words.
    pub fn words(&self) -> String {
        let what = match &*self.message {
            Message::Fact(fact) => format!("{} {}", fact.body.type_name(), fact.subject),
            Message::Work(seen) => format!("{} {:?}", seen.submission, seen.state),
            Message::Cluster(seen) => format!("{} {:?}", seen.id, seen.state),
            Message::Drain(_) => "drain".to_owned(),
            Message::Sweep => "sweep".to_owned(),
            Message::Tick(_) | Message::Event(_) | Message::Start(_) => "a start".to_owned(),
            Message::Alert(_) => "an alert".to_owned(),
        };
        format!("{} ({what})", self.inbox)
    }
}

impl PartialEq for Letter {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Letter {}

impl PartialOrd for Letter {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Letter {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl Hash for Letter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.order().hash(state);
    }
}

/// A handler that was run up to its next call, or to its end.
#[derive(Debug, Clone)]
pub struct Process {
    pub letter: Letter,
    /// Whether it has changed anything yet.
    pub has_acted: bool,
    /// The rows as they were when it began, where a mistake wants them.
    pub before: Option<Items>,
    at: Arc<Place>,
}

/// A place in the middle of a handler.
#[derive(Debug)]
struct Place {
    answers: Vec<Arc<Answer>>,
    next: Next,
    fingerprint: u64,
}

/// What a process does next.
#[derive(Debug)]
pub enum Next {
    Call(Call),
    /// It has ended with this verdict, which its inbox does not know yet.
    End(Verdict),
}

/// Where a handler came from, by a place, an answer and the clock: most ways lead over places that
/// others have led over before.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<(u64, u64, Timestamp), Arc<Place>>>);

impl Process {
    /// Starts a handler and runs it to its first call.
    pub fn start(fixed: &Fixed, letter: Letter, now: Timestamp) -> Self {
        let begin = fingerprint(&letter.order());
        let way = (begin, 0, now);
        let at = fixed
            .known
            .place(way, || run(fixed, &letter, Vec::new(), begin, now));
        Self {
            letter,
            has_acted: false,
            before: None,
            at,
        }
    }

    /// What it does next.
    pub fn next(&self) -> &Next {
        &self.at.next
    }

    /// Gives its call an answer and runs it to the next.
    pub fn answer(&mut self, fixed: &Fixed, answer: Answer, now: Timestamp) {
        let from = self.at.fingerprint;
        let way = (from, answer.fingerprint(), now);
        let at = fixed.known.place(way, || {
            let mut answers = self.at.answers.clone();
            answers.push(Arc::new(answer));
            run(fixed, &self.letter, answers, from, now)
        });
        self.at = at;
    }
}

impl Known {
    fn place(&self, way: (u64, u64, Timestamp), run: impl FnOnce() -> Place) -> Arc<Place> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = lock().get(&way) {
            return Arc::clone(place);
        }
        let place = Arc::new(run());
        lock().insert(way, Arc::clone(&place));
        place
    }
}

fn run(
    fixed: &Fixed,
    letter: &Letter,
    answers: Vec<Arc<Answer>>,
    from: u64,
    now: Timestamp,
) -> Place {
    let known = answers.len().saturating_sub(1);
    let script = Script::new(fixed, now, answers);
    let verdict = {
        let future = pin!(handle(&script, letter));
        match { future }.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verdict) => Some(verdict),
            Poll::Pending => None,
        }
    };
    let (call, answers) = script.stopped();
    let fingerprint = answers[known..].iter().fold(from, |fingerprint, answer| {
        crate::items::fingerprint(&(fingerprint, answer.fingerprint()))
    });
    let next = match (verdict, call) {
        (Some(verdict), _) => Next::End(verdict),
        (None, Some(call)) => Next::Call(call),
        (None, None) => panic!("a handler waits for something that is no port"),
    };
    Place {
        answers,
        next,
        fingerprint,
    }
}

async fn handle(ports: &Script<'_>, letter: &Letter) -> Verdict {
    let batch = vec![Delivery {
        message: (*letter.message).clone(),
        receives: letter.receives,
    }];
    let verdicts = match letter.inbox {
        Function::AdvanceRun => advance_run::handle(ports, batch).await,
        Function::SubmitTask => submit_task::handle(ports, batch).await,
        Function::ObserveTask => observe_task::handle(ports, batch).await,
        Function::RecordCluster => record_cluster::handle(ports, batch).await,
        Function::TerminateCluster => terminate_cluster::handle(ports, batch).await,
        Function::Reconcile => reconcile::handle(ports, batch).await,
        Function::StartRun
        | Function::ProvisionCluster
        | Function::Operate
        | Function::Alert
        | Function::ExportRuns => panic!("{} is no part of what is checked", letter.inbox),
    };
    let mut verdicts = verdicts.into_iter();
    verdicts.next().expect("a verdict for each message")
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        self.at.fingerprint == other.at.fingerprint && self.has_acted == other.has_acted
    }
}

impl Eq for Process {}

impl PartialOrd for Process {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Process {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at.fingerprint, self.has_acted).cmp(&(other.at.fingerprint, other.has_acted))
    }
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.fingerprint.hash(state);
        self.has_acted.hash(state);
        self.before.hash(state);
    }
}
