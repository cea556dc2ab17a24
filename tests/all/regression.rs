//! Inputs that once came out wrong: one test per case, named after it, by kind.
//!
//! Inputs that are files lie under `tests/cases`. A case stays here after its cause is mended, so that
//! it fails again if the cause comes back.

mod author;
mod batching;
mod bounds;
mod buckets;
mod collected;
mod compiling;
mod deadlines;
mod drawn;
mod files;
mod hostile;
mod langs;
mod loading;
mod memory;
mod models;
mod onnx;
mod pictures;
mod starts;
mod terminal;
mod unsure;
