//! Trying a parser for a while, and judging what each input cost.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rustix::time::{ClockId, clock_gettime};

use crate::MEMORY;

/// More of a processor's time than any input may take in an unoptimised build.
const SOON: Duration = Duration::from_secs(4);
/// After this long a parser is taken to hang, and the whole program ends.
const NEVER: Duration = Duration::from_secs(60);
/// What any input may take.
const SOME_BYTES: usize = 16 << 20;
/// What each byte of an input may take besides.
const BYTES_FOR_EACH: usize = 4_000;

/// Memory is counted for the whole program, so one parser is tried at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Something to parse.
pub trait Input: Debug + Clone + Send + 'static {
    /// How large it is.
    fn bytes(&self) -> usize;
}

impl Input for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Input for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Input for serde_json::Value {
    fn bytes(&self) -> usize {
        self.to_string().len()
    }
}

impl<A: Input, B: Input> Input for (A, B) {
    fn bytes(&self) -> usize {
        self.0.bytes() + self.1.bytes()
    }
}

/// Parses inputs for so many seconds of a processor's time. What breaks the parser is made smaller and shown.
pub fn endures<I: Input>(name: &str, inputs: impl Strategy<Value = I>, parse: impl Fn(&I)) {
    let _alone: MutexGuard<()> = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = number("MURMUR_FUZZ_SECONDS", 2);
    let seed = number("MURMUR_SEED", 2026);
    let now: Arc<Mutex<Option<(Instant, I)>>> = Arc::default();
    watch(name, &now);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let began = busy();
    let mut tried = 0;
    while busy().saturating_sub(began) < Duration::from_secs(seconds) {
        let mut tree = inputs.new_tree(&mut runner).unwrap();
        let Some(mut trouble) = judge(&now, &tree.current(), &parse) else {
            tried += 1;
            continue;
        };
        let mut worst = tree.current();
        let mut simpler = tree.simplify();
        while simpler {
            simpler = match judge(&now, &tree.current(), &parse) {
                Some(same) => {
                    (trouble, worst) = (same, tree.current());
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        let shown: String = format!("{worst:?}").chars().take(4_000).collect();
        panic!("{name}: {trouble} (MURMUR_SEED={seed}, after {tried} inputs)\n{shown}");
    }
    println!("{name}: {tried} inputs in {seconds} s");
}

/// What is wrong with how an input was parsed.
fn judge<I: Input>(
    now: &Mutex<Option<(Instant, I)>>,
    input: &I,
    parse: impl Fn(&I),
) -> Option<String> {
    let began = Instant::now();
    *now.lock().unwrap_or_else(PoisonError::into_inner) = Some((began, input.clone()));
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let busy = busy();
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(input)));
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let allowed = SOME_BYTES + input.bytes() * BYTES_FOR_EACH;
    let took = self::busy().saturating_sub(busy);
    *now.lock().unwrap_or_else(PoisonError::into_inner) = None;
    match parsed {
        Err(_) => Some("a panic".to_owned()),
        Ok(()) if took > SOON => Some(format!("it took {took:?}")),
        Ok(()) if taken > allowed => Some(format!("it took {taken} bytes")),
        Ok(()) => None,
    }
}

/// How long this thread has had a processor, however busy the machine is with others.
fn busy() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time only grows from nothing")
}

/// Ends the program, and says with what, when one input takes for ever.
fn watch<I: Input>(name: &str, now: &Arc<Mutex<Option<(Instant, I)>>>) {
    let (name, now) = (name.to_owned(), Arc::downgrade(now));
    std::thread::spawn(move || {
        while let Some(now) = now.upgrade() {
            let at_work = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((began, input)) = at_work
                && began.elapsed() > NEVER
            {
                eprintln!("{name}: it hangs\n{input:?}");
                std::process::exit(1);
            }
            drop(now);
            std::thread::sleep(Duration::from_secs(1));
        }
    });
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().unwrap())
}
