//! The integration tests: one binary, a module for each contract. They run real guests, built by
//! `cargo xtask guests`, on real ONNX Runtime, and fail where either is missing.

mod cli;
mod isolation;
mod limits;
mod nn;
mod structure;
mod support;
mod twin;
mod types;
mod worlds;
