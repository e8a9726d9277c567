//! What people read, whatever happens to messages, channels and processes.

mod channels;
mod fixture;
mod incidents;
mod letters;
mod printed;
mod storms;
