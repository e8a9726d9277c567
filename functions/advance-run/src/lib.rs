//! advance-run
