//! The house rules that a machine can check: who imports whom, what no source file may
//! say, and that Terraform says what the functions say.
//!
//! The rules are data, in `layers` and in `sources`; whoever breaks one is told what to do.

mod edges;
mod layers;
mod sources;
mod terraform;
mod workspace;

/// Fails with every breach and with what to do about them.
fn assert_none(breaches: &[String], what_to_do: &str) {
    assert!(
        breaches.is_empty(),
        "\n\n{}\n\nWhat to do: {what_to_do}\n",
        breaches.join("\n")
    );
}
