//! Frames read from files and folders, and outputs written to files.
//!
//! ```
//! use tollgate_files::outputs::OutDir;
//! use tollgate_services::Output;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let mut outputs = OutDir::open(folder.path())?;
//! let reading = Output {
//!     name: "reading".into(),
//!     content_type: "application/json".into(),
//!     data: br#"{"reading":"01234"}"#.to_vec(),
//! };
//! // Names come from outside, so a file's name has only letters, digits, `.`, `_` and `-`.
//! let file = outputs.write("meters/a.jpg", &reading)?;
//! assert!(folder.path().join(file).is_file());
//! # Ok(())
//! # }
//! ```
//!
//! The crate knows neither the command line nor the configuration, and prints nothing. Modules:
//! [`read_ahead`] runs the frames of [`inputs`] through the workers. [`inputs`] lists files and
//! reads them, over `folder` (which files are frames) and `media` (their types). Outputs are put
//! in order by [`reorder`] and written by [`outputs`], whose files are named by [`content`], which
//! is over `media` too. [`place`] is for a single file, such as a report. What cannot be written is
//! a [`WriteError`].

pub mod content;
mod error;
mod folder;
pub mod inputs;
mod media;
pub mod outputs;
pub mod place;
pub mod read_ahead;
pub mod reorder;

pub use error::WriteError;
