//! Messages on their way, and those that get lost on it.

use model::message::Message;
use ports::Delivery;

/// A message on its way to a function.
#[derive(Clone)]
pub struct Letter {
    pub delivery: Delivery,
    /// Crashes its handling has survived: the next one comes later, or it would never end.
    pub crashes: u64,
}

impl Letter {
    /// On its way for the first time.
    pub fn fresh(message: Message) -> Self {
        Self {
            delivery: Delivery {
                message,
                receives: 1,
            },
            crashes: 0,
        }
    }
}

/// Whether a message is the next one of a type that gets lost.
pub fn is_dropped(drops: &mut Vec<String>, message: &Message) -> bool {
    let Message::Fact(fact) = message else {
        return false;
    };
    let position = drops
        .iter()
        .position(|dropped| dropped == fact.body.type_name());
    position.map(|position| drops.remove(position)).is_some()
}
