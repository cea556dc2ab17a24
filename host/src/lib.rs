//! The program: the command line, what reads frames in and writes outputs out.
//!
//! Inference is `tollgate-nn`'s, the sandbox `tollgate-runtime`'s, the path of a frame `tollgate-dispatch`'s; what is
//! loaded from files comes from `tollgate-deploy`. Here stand, each above what it uses: [`commands`] →
//! [`config`] | [`ingress`] | [`egress`] → [`cli`], with [`mod@new`], [`progress`] and [`logging`] beside.
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
