//! terminate-cluster
