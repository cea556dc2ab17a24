//! Files and folders that are written at the end of the work and checked before it. A path that
//! cannot be written is refused at once. An existing file is not changed until its new contents are
//! ready. [`replace`] never shows a half-written file either.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::error::WriteError;

/// A file that will be written.
#[derive(Debug)]
pub struct Place {
    what: &'static str,
    path: PathBuf,
}

impl Place {
    /// Checks that a file can be written at this path; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// It is a folder, its folder is missing, or it is not writable.
    pub fn file(what: &'static str, path: &Path) -> Result<Self, WriteError> {
        let place = Self {
            what,
            path: path.to_owned(),
        };
        probe(path).map_err(|source| place.refusal(source))?;
        Ok(place)
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// Writing fails.
    pub fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        fs::write(&self.path, bytes).map_err(|source| self.refusal(source))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn refusal(&self, source: io::Error) -> WriteError {
        WriteError::File {
            what: self.what,
            file: self.path.clone(),
            source,
        }
    }
}

/// Writes a file as usual programs do. A new file gets the permissions that the umask leaves, and
/// an existing one keeps its own. A link is followed, and a pipe or device is written to. A regular
/// file is written under another name and then renamed, so that a half-written one is never seen.
///
/// # Errors
///
/// Writing fails.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mode = match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(bytes);
        }
        Ok(there) => Some(there.permissions()),
        Err(_) => None,
    };
    let mut file = tempfile::Builder::new()
        // The umask removes some of these.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opens an existing file without changing it, or creates an unnamed file in the same folder.
fn probe(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => OpenOptions::new().write(true).open(path).map(drop),
        // Opening a pipe would wait for a reader.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tempfile::tempfile_in(folder_of(path)).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_refused_and_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| Place::file("the report", &folder.path().join(name));
        for bad in ["no-such-folder/x.html", "", "x.html/below"] {
            fs::write(folder.path().join("x.html"), "before").unwrap();
            let error = file(bad).unwrap_err().to_string();
            assert!(error.starts_with("cannot write the report to"), "{error}");
        }
        let kept = file("x.html").unwrap();
        assert_eq!(fs::read_to_string(kept.path()).unwrap(), "before");
        let new = file("new.html").unwrap();
        assert!(
            !new.path().exists(),
            "nothing is there before there is something"
        );
        kept.write(b"after").unwrap();
        new.write(b"first").unwrap();
        assert_eq!(fs::read_to_string(kept.path()).unwrap(), "after");
        assert_eq!(fs::read_to_string(new.path()).unwrap(), "first");
    }
}
