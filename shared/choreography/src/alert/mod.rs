//! Alerts: what is wrong (`symptom`), whether it still is (`settle`), whether a route is to hear of
//! it (`say`, `quiet`), when (`pace`), and in which words (`compose`,
//! `lines`, `printed`).
//!
//! A route is never sent an event; it is brought up to date. So a message that comes twice, late or
//! out of order finds that all was said already.

pub mod compose;
pub mod lines;
pub mod pace;
pub mod printed;
pub mod quiet;
pub mod say;
pub mod settle;
pub mod summary;
pub mod symptom;
