//! The functions themselves under a model checker: every order of their steps, exhaustively.
//!
//! There is no second description of a protocol here that could differ from the first. A process of
//! the model is a handler of a function, run up to its next call of a port; that call is one action
//! of the model, and between any two of them others may act or the process may die. A handler
//! cannot be copied in the middle, so a process is kept as the answers it got so far, and run again
//! from its beginning to find its next call: handlers are deterministic but for what ports say.
//!
//! Knows the ports and the functions; nothing here decides what a function decides.

pub mod answer;
pub mod budget;
pub mod check;
pub mod findings;
pub mod items;
pub mod mutant;
pub mod perform;
pub mod process;
pub mod script;
pub mod service;
pub mod world;
