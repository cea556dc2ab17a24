//! From files and settings to what runs: models and their variants, compiled code and its cache, buckets
//! on the disk, ONNX Runtime's library, and what of this machine the engine is told.
//!
//! It knows no command line: an option's text is read here ([`values`]), its name is the command's.

pub mod cache;
pub mod keyvalue;
pub mod models;
pub mod onnxruntime;
pub mod reserve;
pub mod settings;
pub mod values;
