//! Which inference of a graph runs when, and with which others.
//!
//! [`permits`] bounds how many run at once and hands each permit to the next in the [`fair_queue`]; the
//! [`batcher`] merges those that wait, where [`calibrate`] measured that it pays and `apart` showed that their rows
//! do not depend on each other. There is no thread for any of it: the caller that gets a permit runs for the others.

pub(crate) mod batcher;
pub(crate) mod batching;
pub(crate) mod calibrate;
pub(crate) mod caller;
mod cores;
pub(crate) mod fair_queue;
pub(crate) mod learning;
pub(crate) mod pending;
pub(crate) mod permits;
pub(crate) mod returning;
mod rows;
mod trials;
