//! The host: the command line, what reads frames in and writes outputs out, and the reports.
//!
//! This is the only crate that touches files, environment variables and the time of day; inference
//! is `tollgate-nn`'s and the sandbox is `tollgate-runtime`'s. Rooms, each standing above what it
//! uses: `commands` → [`ingress`] → [`dispatch`] → [`worker`] → the runtime, with [`config`],
//! [`cli`], [`report`], [`egress`], [`energy`], [`inspect`], [`keyvalue`], [`mod@new`], [`cache`], [`reserve`] and [`onnxruntime`] on the
//! ground floor.
//!
//! It is a library so that tests can reach its parts; the program is `main.rs` and one call.

pub mod cli;
pub mod commands;
pub mod config;
pub mod egress;
pub mod ingress;
pub mod logging;
pub mod new;
pub mod progress;
