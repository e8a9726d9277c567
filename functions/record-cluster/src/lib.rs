//! record-cluster
