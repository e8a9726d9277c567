//! The real `murmur` against a deployment on AWS: an emulator's table and queues, in which the
//! functions have let a morning pass, and a stand-in for EMR and Batch.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

#[path = "../../../shared/aws/tests/contracts/bus_bench.rs"]
#[allow(dead_code)] // the contracts use more of it
mod bus_bench;
#[path = "../../../tests/aws/src/calls.rs"]
#[allow(dead_code)] // whoever counts uses more of it
mod calls;
#[path = "../../../tests/aws/src/deployment.rs"]
#[allow(dead_code)] // whoever counts uses more of it
mod deployment;
#[path = "../../../shared/aws/tests/contracts/emulator.rs"]
#[allow(dead_code)] // the contracts use more of it
mod emulator;
mod morning;
mod murmur;
mod queries;
mod refusals;
mod services;
#[path = "../../../shared/aws/tests/contracts/stand_in.rs"]
#[allow(dead_code)] // the contracts use more of it
mod stand_in;
#[path = "../../../shared/aws/tests/contracts/table.rs"]
mod table;
mod verbs;
#[path = "../../../shared/aws/tests/contracts/wire.rs"]
#[allow(dead_code)] // the contracts use more of it
mod wire;
