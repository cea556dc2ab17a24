//! The files embedded in the program; `build.rs` defines where they come from.

use super::Error;

/// Paths and bytes, in the order of the paths.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The files below a folder, with paths relative to it.
pub(super) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES
        .iter()
        .filter_map(move |&(path, bytes)| Some((path.strip_prefix(folder)?, bytes)))
}

/// One file.
pub(super) fn file(path: &str) -> Result<&'static [u8], Error> {
    let found = FILES.iter().find(|&&(known, _)| known == path);
    found
        .map(|&(_, bytes)| bytes)
        .ok_or_else(|| Error::new("files", format!("`{path}` is missing")))
}

/// One file, as text.
pub(super) fn text(path: &str) -> Result<&'static str, Error> {
    std::str::from_utf8(file(path)?).map_err(|error| Error::new("files", error))
}
