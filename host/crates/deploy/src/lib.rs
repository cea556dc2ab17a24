//! From files and settings to what runs: models and their variants, compiled code and its cache,
//! buckets on disk, ONNX Runtime's library, and facts about this machine.
//!
//! ```
//! use std::time::Duration;
//! use tollgate_deploy::values;
//!
//! assert_eq!(values::duration("20ms"), Ok(Duration::from_millis(20)));
//! assert_eq!(values::size("64 MiB"), Ok(64 << 20));
//! assert!(values::duration("20").is_err(), "a number alone has no unit");
//! ```
//!
//! The crate does not know the command line. The text of an option is parsed here ([`values`]); the
//! command defines the option's name.

pub mod cache;
pub mod compile;
pub mod isolation;
pub mod jail;
pub mod keyvalue;
pub mod machine;
pub mod models;
pub mod onnxruntime;
pub mod reserve;
pub mod settings;
pub mod textfile;
pub mod truth;
pub mod values;
