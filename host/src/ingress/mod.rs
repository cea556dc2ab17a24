//! What brings frames in.

pub mod files;
pub mod media;
