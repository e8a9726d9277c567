//! What becomes of a batch whose handler panicked.

use ports::Verdict;

/// What becomes of messages whose handler panicked.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send), count: usize) -> Vec<Verdict> {
    let reason = format!("the handler panicked: {}", told(panic));
    vec![Verdict::Failed(reason); count]
}

/// What a panic says.
fn told(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
