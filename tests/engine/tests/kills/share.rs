//! How many kills there are, and which.

/// How many times engines are killed in all.
const KILLS: u64 = 500;

/// How many of every hundred kills each test gets.
#[derive(Clone, Copy)]
pub struct Percent(pub u64);

/// A test's kills and its seed. `MURMUR_KILLS` asks for more in all, `MURMUR_SEED` for others.
pub fn share(Percent(share): Percent) -> (u64, u64) {
    let kills = number("MURMUR_KILLS", KILLS).saturating_mul(share) / 100;
    let seed = number("MURMUR_SEED", 2026);
    eprintln!("{kills} kills, MURMUR_SEED={seed}");
    (kills, seed)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().unwrap())
}
