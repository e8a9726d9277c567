//! provision-cluster on Lambda.

use std::process::ExitCode;

use model::message::Function;

fn main() -> ExitCode {
    aws::lambda::run(Function::ProvisionCluster, provision_cluster::handle)
}
