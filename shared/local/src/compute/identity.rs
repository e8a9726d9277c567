//! Ids in the shapes EMR and Batch give them, derived from a counter that is never reused.

use model::id::{EmrClusterId, SubmissionId};

const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Gives a cluster its id: `j-` and 13 letters or digits.
pub fn cluster(sequence: u64) -> EmrClusterId {
    EmrClusterId::from(shaped("j-", mix(sequence)))
}

/// Gives a step its id: `s-` and 13 letters or digits.
pub fn step(sequence: u64) -> SubmissionId {
    SubmissionId::from(shaped("s-", mix(!sequence)))
}

/// Gives a job its id, which looks like a UUID.
pub fn job(sequence: u64) -> SubmissionId {
    let high = mix(sequence);
    let digits = format!("{high:016x}{:016x}", mix(high));
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| &digits[from..to]);
    SubmissionId::from(parts.join("-"))
}

/// 36 to the 13th is more than 2 to the 64th, so different numbers look different.
fn shaped(prefix: &str, number: u64) -> String {
    let mut text = String::from(prefix);
    let mut rest = number;
    for _ in 0..13 {
        let letter = LETTERS[usize::try_from(rest % 36).expect("below 36")];
        text.push(char::from(letter));
        rest /= 36;
    }
    text
}

/// Makes neighbours look unlike each other, and different numbers stay different (splitmix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_the_services_own() {
        let id = cluster(7);
        let tail = id.as_str().strip_prefix("j-").unwrap();
        assert_eq!(tail.len(), 13);
        assert!(
            tail.bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        );
        assert!(step(7).as_str().starts_with("s-"));
        assert_ne!(&step(7).as_str()[2..], tail);
        assert_ne!(step(7), step(8));
        let job = job(7);
        let lengths: Vec<_> = job.as_str().split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
