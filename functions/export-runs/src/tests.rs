//! Runs of every kind, as traces and as lineage.

mod fixture;
mod lineage;
mod schema;
mod traces;
