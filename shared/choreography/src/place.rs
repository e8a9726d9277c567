//! Which place of a limit to take (rule 15).

use std::collections::{BTreeMap, BTreeSet};

use model::limit::{LOT_PLACES, Lot, Place};

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

/// Finds a lot for each newcomer, of a limit whose places lie in lots: the one it sits in already,
/// else one that is empty, so that those who come together sit together, else the one with most
/// room. `None` for whom there is no room.
pub fn lots(held: &[Lot], size: u32, newcomers: &[&str]) -> Vec<Option<u32>> {
    let mut room: BTreeMap<u32, u32> = (0..size.div_ceil(LOT_PLACES))
        .map(|number| (number, LOT_PLACES.min(size - number * LOT_PLACES)))
        .collect();
    for lot in held {
        let taken = u32::try_from(lot.holders.len()).unwrap_or(u32::MAX);
        if let Some(left) = room.get_mut(&lot.number) {
            *left = left.saturating_sub(taken);
        }
    }
    let mut chosen: Option<u32> = None;
    let seat = |newcomer: &&str| {
        let own = held.iter().find(|lot| lot.holders.contains_key(*newcomer));
        if let Some(own) = own {
            return Some(own.number);
        }
        let full = |number: &u32| room.get(number).is_none_or(|left| *left == 0);
        if chosen.as_ref().is_none_or(full) {
            // The first of those with most room.
            let most = room.iter().rev().max_by_key(|(_, left)| **left);
            chosen = most
                .filter(|(_, left)| **left > 0)
                .map(|(number, _)| *number);
        }
        let left = room.get_mut(&chosen?)?;
        *left -= 1;
        chosen
    };
    newcomers.iter().map(seat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_together_sits_together_and_no_lot_is_overfull() {
        let lot = |number: u32, count: u32| Lot {
            limit: "steps/team--etl--20260301t050000z--1".parse().unwrap(),
            number,
            holders: (0..count)
                .map(|at| (format!("h{number}-{at}"), 1))
                .collect(),
            since: model::Timestamp::UNIX_EPOCH,
            timeouts: BTreeMap::new(),
        };
        type Case = (Vec<Lot>, u32, &'static [&'static str], Vec<Option<u32>>);
        let cases: [Case; 7] = [
            (vec![], 250, &["a", "b"], vec![Some(0), Some(0)]),
            (vec![lot(0, 1)], 250, &["a", "b"], vec![Some(1), Some(1)]),
            (vec![lot(0, 3)], 250, &["h0-2", "a"], vec![Some(0), Some(1)]),
            (
                vec![lot(0, 9), lot(1, 7)],
                20,
                &["a", "b", "c", "d", "e"],
                vec![Some(1), Some(1), Some(1), Some(0), None],
            ),
            (
                vec![lot(0, 10)],
                12,
                &["a", "b", "c"],
                vec![Some(1), Some(1), None],
            ),
            (vec![lot(0, 10)], 5, &["a", "h0-3"], vec![None, Some(0)]),
            (vec![lot(7, 10)], 10, &["a"], vec![Some(0)]),
        ];
        for (held, size, newcomers, expected) in cases {
            assert_eq!(
                lots(&held, size, newcomers),
                expected,
                "{held:?} {size} {newcomers:?}"
            );
        }
    }

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
                    epoch: 1,
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
