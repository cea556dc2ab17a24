//! Which inference of a graph runs when, and with which others.
//!
//! [`permits`] bounds how many run at once and gives each permit to the next caller in the [`fair_queue`].
//! The [`batcher`] merges waiting inferences, if [`calibrate`] measured that it pays and `apart` showed
//! that their rows do not depend on each other. None of it has a thread: the caller that gets a permit runs
//! the whole batch.

pub(crate) mod batcher;
pub(crate) mod batching;
pub(crate) mod calibrate;
pub(crate) mod caller;
pub(crate) mod cores;
pub(crate) mod fair_queue;
pub(crate) mod learning;
pub(crate) mod pending;
pub(crate) mod permits;
pub(crate) mod returning;
mod rows;
mod trials;
