//! The engine with fake functions and a fake compute.

mod clocks;
mod delivery;
mod durability;
mod elsewhere;
mod guests;
mod world;
