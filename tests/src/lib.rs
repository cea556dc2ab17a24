//! What the programs of this folder share: models to try a host with, and the `main` of those that have helpers.
//!
//! The tests themselves are in `all`; this library is for programs that are no tests.

pub mod models;
pub mod program;
