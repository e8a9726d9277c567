//! register-definitions
