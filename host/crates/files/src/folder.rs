//! Which files of a folder are frames.
//!
//! All files are frames except these: hidden files, the file of true readings, and files with a
//! name that is usual for documents ([`DOCUMENTS`]). If at least half of the others are pictures,
//! sound or other binary data, then text files are not frames either, since a `labels.csv` or
//! `a.json` beside pictures describes them. Subfolders are not read. With patterns, exactly the
//! matching files are frames. A file that is given by itself is always a frame.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use glob::Pattern;

use crate::media::{Sort, media_type, sort};

/// How the names of files that describe the others begin, in lower case.
const DOCUMENTS: [&str; 6] = [
    "readme",
    "license",
    "licence",
    "truth.json",
    "thumbs.db",
    "desktop.ini",
];

/// How much of a file is read if its name does not tell its kind, in bytes.
const BEGINNING: u64 = 16;

/// The files of a folder, by name.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) frames: Vec<PathBuf>,
    /// Files that are not frames, without hidden files and the true readings.
    pub(super) left_out: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder; `None` if it has more than `most` files.
    ///
    /// # Errors
    ///
    /// Reading the folder fails.
    pub(super) fn list(
        path: &Path,
        aside: Option<&Path>,
        include: &[Pattern],
        most: usize,
    ) -> io::Result<Option<Self>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let (file, name) = (entry.path(), entry.file_name());
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if hidden || !fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
                continue;
            }
            if aside.is_some() && fs::canonicalize(&file).ok().as_deref() == aside {
                continue;
            }
            files.push((file, name.to_string_lossy().into_owned()));
            if files.len() > most {
                return Ok(None);
            }
        }
        files.sort();
        let (frames, left_out) = if include.is_empty() {
            by_kind(files)
        } else {
            files
                .into_iter()
                .partition(|(_, name)| include.iter().any(|pattern| pattern.matches(name)))
        };
        let paths = |files: Vec<(PathBuf, String)>| files.into_iter().map(|(path, _)| path);
        Ok(Some(Self {
            frames: paths(frames).collect(),
            left_out: paths(left_out).collect(),
        }))
    }
}

type Named = Vec<(PathBuf, String)>;

/// Splits files into frames and files that describe them.
fn by_kind(files: Named) -> (Named, Named) {
    let (mut left_out, others): (Named, Named) =
        files.into_iter().partition(|(_, name)| is_document(name));
    let sorts: Vec<Sort> = others.iter().map(|(path, _)| sort_of(path)).collect();
    let count = |wanted| sorts.iter().filter(|sort| **sort == wanted).count();
    let (binary, text) = (count(Sort::Binary), count(Sort::Text));
    if binary == 0 || binary < text {
        return (others, left_out);
    }
    let mut frames = Vec::new();
    for (file, sort) in others.into_iter().zip(sorts) {
        match sort {
            Sort::Text => left_out.push(file),
            Sort::Binary | Sort::Unknown => frames.push(file),
        }
    }
    left_out.sort();
    (frames, left_out)
}

fn is_document(name: &str) -> bool {
    let name = name.to_lowercase();
    DOCUMENTS.iter().any(|known| {
        // Matches `readme`, `readme.md` and `readme_first.txt`, but not `readmeter-1.jpg`.
        name.strip_prefix(known)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

/// The kind of a file, from its name or else from its first bytes.
fn sort_of(path: &Path) -> Sort {
    let by_name = sort(media_type(path, &[]));
    if by_name != Sort::Unknown {
        return by_name;
    }
    let mut beginning = Vec::new();
    // A file that cannot be read is reported later, when its frame is read.
    if let Ok(file) = File::open(path) {
        file.take(BEGINNING).read_to_end(&mut beginning).ok();
    }
    sort(media_type(path, &beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the frames in a folder with these files.
    fn frames(names: &[&str], include: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::create_dir(dir.path().join("folder")).unwrap();
        let include: Vec<Pattern> = include
            .iter()
            .map(|one| Pattern::new(one).unwrap())
            .collect();
        let folder = Folder::list(dir.path(), None, &include, 99)
            .unwrap()
            .unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let told = folder.frames.iter().map(name).collect::<Vec<_>>().join(" ");
        let (left, hidden) = (
            folder.left_out.len(),
            names.iter().filter(|n| n.starts_with('.')).count(),
        );
        assert_eq!(folder.frames.len() + left + hidden, names.len());
        told
    }

    #[test]
    fn text_beside_pictures_is_no_frame() {
        assert_eq!(
            frames(&["b.jpg", "a.PNG", "truth.json"], &[]),
            "a.PNG b.jpg"
        );
        assert_eq!(
            frames(&["a.jpg", "a.json", "b.jpg", "b.json"], &[]),
            "a.jpg b.jpg"
        );
        assert_eq!(
            frames(&["1.bin", "2.bin", "labels.csv", "x.yuv"], &[]),
            "1.bin 2.bin x.yuv"
        );
    }

    #[test]
    fn a_folder_of_text_is_frames() {
        assert_eq!(
            frames(&["a.json", "b.json", "logo.png"], &[]),
            "a.json b.json logo.png"
        );
        assert_eq!(frames(&["1", "2", "notes.txt"], &[]), "1 2 notes.txt");
    }

    #[test]
    fn documents_and_hidden_files_never_are() {
        let names = [
            "a.txt",
            "README.md",
            "Readme",
            "LICENSE-MIT",
            "truth.json",
            "Thumbs.db",
            ".x",
        ];
        assert_eq!(frames(&names, &[]), "a.txt");
        assert_eq!(
            frames(&["readmeter.jpg", "truth.jsonl"], &[]),
            "readmeter.jpg"
        );
    }

    #[test]
    fn patterns_say_which_are() {
        let names = ["a.jpg", "b.json", "truth.json", "c.txt"];
        assert_eq!(
            frames(&names, &["*.json", "c.*"]),
            "b.json c.txt truth.json"
        );
        assert_eq!(frames(&names, &["*.png"]), "");
    }
}
