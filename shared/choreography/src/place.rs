//! Which place of a limit to take (rule 15).

use std::collections::BTreeSet;

use model::limit::Place;

/// What to do about one limit, given the places that are held now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// The holder has this one already.
    Held(u32),
    /// This one is free.
    Free(u32),
    /// None is free.
    Full,
}

/// Finds a seat for a holder among `size` places, numbered from 0. A limit that was made smaller
/// gives none until enough are free again.
pub fn seat(held: &[Place], size: u32, holder: &str) -> Seat {
    if let Some(place) = held.iter().find(|place| place.holder == holder) {
        return Seat::Held(place.number);
    }
    if held.len() >= size as usize {
        return Seat::Full;
    }
    let taken: BTreeSet<u32> = held.iter().map(|place| place.number).collect();
    (0..size)
        .find(|number| !taken.contains(number))
        .map_or(Seat::Full, Seat::Free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_finds_its_own_place_or_the_lowest_free_one() {
        let held = |numbers: &[u32]| -> Vec<Place> {
            let limit: model::limit::LimitRef = "pool/team/light".parse().unwrap();
            let since = model::Timestamp::UNIX_EPOCH;
            numbers
                .iter()
                .map(|number| Place {
                    limit: limit.clone(),
                    number: *number,
                    holder: format!("h{number}"),
                    since,
                    timeout_at: None,
                    due_at: None,
                })
                .collect()
        };
        let table: [(&[u32], u32, &str, Seat); 6] = [
            (&[], 1, "x", Seat::Free(0)),
            (&[0], 1, "x", Seat::Full),
            (&[0], 1, "h0", Seat::Held(0)),
            (&[0, 2], 3, "x", Seat::Free(1)),
            (&[3, 4], 2, "x", Seat::Full),
            (&[3], 2, "x", Seat::Free(0)),
        ];
        for (numbers, size, holder, expected) in table {
            assert_eq!(
                seat(&held(numbers), size, holder),
                expected,
                "{numbers:?} {size}"
            );
        }
    }
}
