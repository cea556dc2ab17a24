//! Reads a text file that the user names, up to a size limit.
//!
//! A device or a pipe has no known length, so the limit is checked while reading.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Reads the text, of at most `most` bytes.
///
/// # Errors
///
/// It cannot be read, is larger, or is not UTF-8.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `/dev/zero` has a length of zero and never ends.
    #[test]
    fn what_never_ends_is_read_up_to_the_bound() {
        let error = super::read(Path::new("/dev/zero"), 100).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 100 bytes");
    }

    #[test]
    fn a_text_of_the_bound_is_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        assert_eq!(super::read(file.path(), 4).unwrap(), "four");
        assert!(super::read(file.path(), 3).is_err());
    }
}
