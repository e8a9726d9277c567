//! local

pub mod compute_events;
