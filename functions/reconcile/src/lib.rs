//! reconcile

pub mod instances;
