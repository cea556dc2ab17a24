//! The program: the command line, and what is printed.
//!
//! Inference is in `tollgate-nn`, the sandbox in `tollgate-runtime`, the path of a frame in
//! `tollgate-dispatch`, frames and outputs in `tollgate-files`, and loading of files in
//! `tollgate-deploy`. Modules, each above what it uses: [`commands`] → [`remedy`] → [`config`] |
//! [`egress`] → [`cli`], with [`mod@new`], [`progress`] and [`logging`] beside.
//!
//! It is a library so that tests can use its parts; the program is `main.rs` with one call.

pub mod cli;
pub mod commands;
pub mod config;
pub mod egress;
pub mod logging;
pub mod new;
pub mod progress;
pub mod remedy;
