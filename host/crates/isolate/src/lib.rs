//! Graphs whose ONNX Runtime runs in a helper process: for models that a stranger brings, and for those that the
//! operator does not trust. A model that crashes ONNX Runtime, never ends or takes all memory ends its helper, and is an
//! error in the host.
//!
//! A helper is the program itself, confined by `tollgate-jail`. Between it and the host are two memory files, of which
//! each side writes one; they are divided into lanes, and an inference is a message and a doorbell on a lane in each
//! direction. The host trusts nothing that it reads there.
//!
//! Each module uses those to its right: [`Helpers`] (`isolated`, `helpers`) → `graph` → `helper` → `cores` | `setup` |
//! `turns` | `lanes` → `lane` → `tensors` | `memory` | `region`, and the helper's side is `serve` → `lane`; `wire` and `load` are
//! the messages.
//!
//! It knows no Wasmtime and no WIT, and calls ONNX Runtime by `tollgate-nn` alone. There are helpers on Linux only.
#![cfg(target_os = "linux")]

mod cores;
#[cfg(fuzzing)]
pub mod fuzzing;
mod graph;
mod helper;
mod helpers;
mod isolated;
mod lane;
mod lanes;
mod load;
mod memory;
mod region;
mod serve;
mod setup;
mod tensors;
mod turns;
mod wire;

pub use helper::Helper;
pub use helpers::{Helpers, Private};
pub use serve::{nurse, serve};
pub use setup::{HELPER, NURSERY, Setup};
