//! terminate-cluster on Lambda.

use std::process::ExitCode;

use model::message::Function;

fn main() -> ExitCode {
    aws::lambda::run(Function::TerminateCluster, terminate_cluster::handle)
}
