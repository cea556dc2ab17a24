//! The integration tests: one binary, a module for each contract. They run real guests, built by
//! `cargo xtask guests`, on real ONNX Runtime, and fail where either is missing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod batch;
mod bench;
mod cli;
mod conformance;
mod deployments;
mod grants;
mod helpers;
mod hostile;
mod inspect;
mod isolation;
mod jail;
mod libraries;
mod limits;
mod new;
mod nn;
mod pages;
mod polyglot;
mod programs;
mod regression;
mod report;
mod standard;
mod steady;
mod structure;
mod support;
mod tune;
mod twin;
mod types;
mod wasi3;
mod worlds;
