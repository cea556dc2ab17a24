//! What the programs of this folder share: models to try a host with.
//!
//! The tests themselves are in `all`; this library is for programs that are no tests.

pub mod models;
