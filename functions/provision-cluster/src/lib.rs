//! provision-cluster
