//! A span of time, told in few lines.

use model::Timestamp;

/// What followed while time passed. What repeats itself is told once.
#[derive(Default)]
pub struct Told {
    stops: Vec<(Timestamp, Vec<String>, u32)>,
}

impl Told {
    /// Adds what followed at one instant.
    pub fn add(&mut self, at: Timestamp, lines: Vec<String>) {
        match self.stops.last_mut() {
            _ if lines.is_empty() => {}
            Some((_, before, again)) if *before == lines => *again += 1,
            Some(_) | None => self.stops.push((at, lines, 0)),
        }
    }

    /// Tells it.
    pub fn lines(self) -> Vec<String> {
        let stops = self.stops.into_iter().flat_map(|(at, lines, again)| {
            let more = match again {
                0 => String::new(),
                1 => ", and once more".to_owned(),
                again => format!(", and {again} times more"),
            };
            std::iter::once(format!("at {at}{more}")).chain(lines)
        });
        stops.collect()
    }
}
