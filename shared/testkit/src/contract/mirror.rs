//! What every mirror of facts must do.

use model::fact::{Fact, FactBody, OperationFact};
use ports::mirror::{Mirror, MirrorError};

use crate::instant;

/// A mirror with a look into it.
#[allow(async_fn_in_trait)] // tests run on one thread
pub trait MirrorBench {
    type Mirror: Mirror;

    fn mirror(&self) -> &Self::Mirror;

    /// Takes so many of the facts that are seen in it, in any order.
    async fn see(&self, count: usize) -> Vec<Fact>;
}

/// Runs the whole suite.
///
/// # Panics
/// Where the mirror differs from the contract.
pub async fn all<B: MirrorBench>(make: impl AsyncFn() -> B) {
    facts_are_seen_as_they_are(&make().await).await;
    what_is_too_large_keeps_nothing_else_away(&make().await).await;
}

/// A fact with a result of so many bytes.
pub fn fact(number: u32, bytes: usize) -> Fact {
    let body = FactBody::OperationDone(OperationFact {
        operation: format!("operation-{number:03}").as_str().into(),
        by: "somebody".into(),
        done: true,
        result: "x".repeat(bytes),
    });
    let team = "weather".parse().expect("a name");
    Fact::new(team, None, instant("2026-06-01T04:00:00Z"), body)
}

/// Few or many, together large or small: each is seen, to the letter.
pub async fn facts_are_seen_as_they_are(bench: &impl MirrorBench) {
    for (first, count, bytes) in [(0, 1, 1), (100, 25, 10), (200, 7, 100_000)] {
        let facts: Vec<Fact> = (first..first + count).map(|n| fact(n, bytes)).collect();
        let answers = bench.mirror().show(&facts).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(answers.len(), facts.len());
        let mut seen = bench.see(facts.len()).await;
        seen.sort_by(|one, other| one.subject.cmp(&other.subject));
        assert_eq!(seen.len(), facts.len());
        assert!(seen == facts, "they are seen as they are");
    }
    assert_eq!(bench.mirror().show(&[]).await, []);
}

/// One that is too large is said to be, and the others are seen.
pub async fn what_is_too_large_keeps_nothing_else_away(bench: &impl MirrorBench) {
    let facts = [fact(1, 10), fact(2, 270_000), fact(3, 10)];
    let answers = bench.mirror().show(&facts).await;
    assert_eq!(answers.len(), 3);
    assert_eq!((&answers[0], &answers[2]), (&Ok(()), &Ok(())));
    assert!(
        matches!(answers[1], Err(MirrorError::TooLarge { .. })),
        "{answers:?}"
    );
    let mut seen = bench.see(2).await;
    seen.sort_by(|one, other| one.subject.cmp(&other.subject));
    assert_eq!(seen, [facts[0].clone(), facts[2].clone()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryMirror, block_on};

    #[derive(Default)]
    struct Bench(MemoryMirror, std::cell::Cell<usize>);

    impl MirrorBench for Bench {
        type Mirror = MemoryMirror;
        fn mirror(&self) -> &MemoryMirror {
            &self.0
        }
        async fn see(&self, count: usize) -> Vec<Fact> {
            let seen = self.1.replace(self.1.get() + count);
            self.0.shown()[seen..].to_vec()
        }
    }

    #[test]
    fn the_mirror_in_memory_keeps_the_contract() {
        block_on(all(async || Bench::default()));
    }
}
