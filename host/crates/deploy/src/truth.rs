//! Files of what outputs should say.

use std::path::Path;

use tollgate_report::truth::{Error, Truth};

use crate::textfile;

/// A file of true values larger than this is something else, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Reads a file of true values for frames of these names.
///
/// # Errors
///
/// It cannot be read, is not such a file, contradicts itself, or names none of the frames.
pub fn read<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<Truth, Error> {
    let text = textfile::read(path, MAX_BYTES).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Truth::parse(path, &text, names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let read = super::read(Path::new("/gone"), std::iter::empty());
        assert!(read.unwrap_err().to_string().contains("`/gone`"));
    }
}
