//! What brings frames in.

pub mod files;
mod folder;
pub mod media;
