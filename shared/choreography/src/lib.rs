//! choreography
