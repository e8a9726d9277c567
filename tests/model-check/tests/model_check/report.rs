//! What a check must come to.

use model_check_tests::budget::Budget;
use model_check_tests::check::{Check, Protocol};
use model_check_tests::mutant::Mutant;

/// The faults to check with: fewer, or with `MURMUR_DEEP` set, more than there is time for each day.
pub fn faults(daily: Budget, deep: Budget) -> Budget {
    if is_deep() { deep } else { daily }
}

/// Whether to check more than there is time for each day.
pub fn is_deep() -> bool {
    std::env::var_os("MURMUR_DEEP").is_some()
}

/// Every property holds in every state, and what should happen sometimes does.
pub fn holds<P: Protocol>(name: &str, check: Check<P>) {
    assert_eq!(check.mutant, Mutant::Right);
    let found = check.run();
    println!("{name}: {} states, {:.1} s", found.states, found.seconds);
    if let Some((property, story)) = found.broken.first() {
        panic!("{name}: `{property}` is broken:\n{story}");
    }
    assert!(found.is_all, "{name}: there are more states than that");
    assert!(
        found.missing.is_empty(),
        "{name}: never: {:?}",
        found.missing
    );
}

/// The mistake is found, by one of these properties.
pub fn finds<P: Protocol>(mutant: Mutant, properties: &[&str], check: Check<P>) {
    let found = Check { mutant, ..check }.run();
    let Some((property, story)) = found.broken.first() else {
        panic!("{mutant:?} is not found in {} states", found.states);
    };
    assert!(
        properties.contains(property),
        "{mutant:?} breaks `{property}`:\n{story}"
    );
    let steps = story.lines().count();
    println!(
        "{mutant:?}: found by `{property}` after {steps} steps, {} states, {:.1} s",
        found.states, found.seconds
    );
    if std::env::var_os("MURMUR_STORIES").is_some() {
        println!("{story}");
    }
}
