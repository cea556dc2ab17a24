//! Reading frames.

pub mod files;
mod folder;
pub mod media;
