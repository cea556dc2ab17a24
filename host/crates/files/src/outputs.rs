//! Writes outputs as files into one folder: `--out-dir`.
//!
//! A file is named after its frame and its output, with an extension for its media type. Both names
//! come from outside. So characters other than letters, digits, `.`, `_` and `-` become `_`, and a
//! name never begins with a dot and never contains a separator: nothing is written outside the
//! folder. A file is written under a temporary name and then renamed, which replaces a link instead
//! of following it. Files of an earlier run are replaced; two outputs of one run never get the same
//! file.

use std::{
    collections::{HashMap, HashSet},
    fs,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::Builder;
use tollgate_services::Output;

use crate::{content::extension, error::WriteError};

/// The largest length of the frame's and of the output's part of a name, in bytes.
const PART_BYTES: usize = 96;

/// A folder for outputs.
#[derive(Debug)]
pub struct OutDir {
    folder: PathBuf,
    /// Hashes of the names used in this run, in lower case since some file systems ignore case.
    used: HashSet<u64>,
    /// For the hash of a name that was used before, the last number that was appended.
    numbers: HashMap<u64, u64>,
}

impl OutDir {
    /// Opens the folder, creates it if it is missing, and checks that it is writable.
    ///
    /// # Errors
    ///
    /// It cannot be created or written to.
    pub fn open(folder: &Path) -> Result<Self, WriteError> {
        let refused = |source| WriteError::Folder {
            folder: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(refused)?;
        tempfile::tempfile_in(folder).map_err(refused)?;
        Ok(Self {
            folder: folder.to_owned(),
            used: HashSet::new(),
            numbers: HashMap::new(),
        })
    }

    /// Writes one output of a frame, and returns the file's name in the folder.
    ///
    /// # Errors
    ///
    /// Writing fails.
    pub fn write(&mut self, source: &str, output: &Output) -> Result<String, WriteError> {
        let name = self.name(source, output);
        let place = self.folder.join(&name);
        let write = || -> std::io::Result<()> {
            let mut new = Builder::new();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                // The permissions of any new file, less the umask.
                new.permissions(fs::Permissions::from_mode(0o666));
            }
            let mut file = new.prefix(".output-").tempfile_in(&self.folder)?;
            file.write_all(&output.data)?;
            file.persist(&place).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| WriteError::Output {
            file: place.clone(),
            source,
        })?;
        Ok(name)
    }

    /// A name that no other output of this run has.
    fn name(&mut self, source: &str, output: &Output) -> String {
        let extension = extension(output);
        let mut stem = format!("{}.{}", part(source), part(&output.name));
        let ending = format!(".{extension}");
        if stem.to_ascii_lowercase().ends_with(&ending) {
            stem.truncate(stem.len() - ending.len());
        }
        let mut name = format!("{stem}{ending}");
        let first = hash(&name.to_ascii_lowercase());
        if self.used.insert(first) {
            return name;
        }
        let number = self.numbers.entry(first).or_insert(1);
        while !self.used.insert(hash(&name.to_ascii_lowercase())) {
            *number += 1;
            name = format!("{stem}-{number}{ending}");
        }
        name
    }
}

fn hash(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// Makes a part of a file's name safe.
fn part(name: &str) -> String {
    let end = name.floor_char_boundary(PART_BYTES);
    let kept = name.get(..end).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut part: String = kept
        .chars()
        .map(|c| {
            if plain(c) || c.is_alphanumeric() {
                c
            } else {
                '_'
            }
        })
        .collect();
    if part.is_empty() || part.starts_with(['.', '-']) {
        part.insert(0, '_');
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, content_type: &str) -> Output {
        Output {
            name: name.into(),
            content_type: content_type.into(),
            data: b"bytes".to_vec(),
        }
    }

    fn written(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_named_by_frame_output_and_type() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = OutDir::open(&folder.path().join("a/b")).unwrap();
        let mut write =
            |source, name, content_type| out.write(source, &output(name, content_type)).unwrap();
        assert_eq!(
            write("a.jpg", "reading", "application/json"),
            "a.jpg.reading.json"
        );
        assert_eq!(write("a.jpg", "crop.PNG", "image/png"), "a.jpg.crop.png");
        assert_eq!(write("a.jpg", "x", ""), "a.jpg.x.txt");
        // Names that differ only in case do not replace each other.
        assert_eq!(
            write("A.jpg", "reading", "application/json"),
            "A.jpg.reading-2.json"
        );
        assert_eq!(write("größe", "数", "image/png"), "größe.数.png");
        assert_eq!(written(&folder.path().join("a/b")).len(), 5);
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        let mut out = OutDir::open(&inside).unwrap();
        let hostile = [
            "../../x",
            "/etc/passwd",
            "..",
            ".",
            "",
            "a\0b",
            "a\nb",
            "C:\\x",
            "-rf",
            "\u{202e}gpj",
            &"long/".repeat(200),
        ];
        for name in hostile {
            for (source, name) in [(name, "o"), ("f", name)] {
                let name = out.write(source, &output(name, "../x")).unwrap();
                assert!(
                    name.len() < 220 && !name.starts_with(['.', '-']),
                    "{name:?}"
                );
                assert!(
                    !name.contains(['/', '\\', '\0', '\n', '\u{202e}']),
                    "{name:?}"
                );
            }
        }
        assert_eq!(written(folder.path()), ["inside"]);
        assert_eq!(written(&inside).len(), hostile.len() * 2);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "before").unwrap();
        let inside = folder.path().join("inside");
        let mut out = OutDir::open(&inside).unwrap();
        std::os::unix::fs::symlink(&target, inside.join("f.o.png")).unwrap();
        out.write("f", &output("o", "image/png")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "before");
        assert_eq!(fs::read(inside.join("f.o.png")).unwrap(), b"bytes");
    }
}
