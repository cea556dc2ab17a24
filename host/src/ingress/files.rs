//! Files, directories and standard input, as frames.
//!
//! Inputs are listed first, so that what is missing is known before anything runs, and read one by
//! one when a worker is near, so that memory holds the frames in flight and no more. Standard
//! input is one frame and can be read once: it alone is kept. A file may change or vanish between
//! listing and reading; that fails its frame and nothing else.
//!
//! A guest sees a file's name and not its folder: where things lie on the host is not its business.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tollgate_runtime::Frame;

use crate::ingress::media::media_type;

/// Inputs that one run takes; as many as a million files of one directory.
const MAX_INPUTS: usize = 1 << 20;

/// Why inputs cannot be listed or a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or may not be looked at.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason, which says what to do.
        source: io::Error,
    },
    /// A device, a socket, a pipe.
    #[error("`{}` is neither a file nor a directory: give one of these, or `-` for standard input", .0.display())]
    Kind(PathBuf),
    /// A directory with no files in it.
    #[error("`{}` holds no files: hidden ones and those in its directories do not count", .0.display())]
    Empty(PathBuf),
    /// Over the bound.
    #[error("there are more than {MAX_INPUTS} inputs: run them in parts")]
    TooMany,
    /// Over the bound of one frame.
    #[error("`{}` has more than {limit} bytes: raise `--max-frame` if that is meant", path.display())]
    TooLarge {
        /// The input.
        path: PathBuf,
        /// The bound, in bytes.
        limit: usize,
    },
}

/// The inputs of a run, listed.
#[derive(Debug)]
pub struct Files {
    entries: Vec<Entry>,
    max_frame: usize,
    /// Standard input, once it was read.
    stdin: OnceLock<Loaded>,
}

/// One input.
#[derive(Debug)]
struct Entry {
    /// What the guest and the reports call it.
    name: Arc<str>,
    /// Where it is; none for standard input.
    path: Option<PathBuf>,
}

/// What one reading gave.
#[derive(Clone, Debug)]
struct Loaded {
    data: Bytes,
    acquired_ns: u64,
}

impl Files {
    /// Lists files as they are given, directories by their files' names, `-` as standard input.
    /// `aside` is a file that is not a frame even where it lies in a directory among them.
    ///
    /// # Errors
    ///
    /// An input that is missing, of another kind, or an empty directory; too many.
    pub fn list(inputs: &[PathBuf], aside: Option<&Path>, max_frame: usize) -> Result<Self, Error> {
        let aside = aside.and_then(|path| fs::canonicalize(path).ok());
        let mut entries = Vec::new();
        for input in inputs {
            if input.as_os_str() == "-" {
                let name = Arc::from("-");
                entries.push(Entry { name, path: None });
                continue;
            }
            let kind = fs::metadata(input).map_err(|source| read_error(input, source))?;
            if kind.is_file() {
                entries.push(Entry::file(input.clone()));
            } else if kind.is_dir() {
                let files = directory(input, aside.as_deref())?;
                entries.extend(files.into_iter().map(Entry::file));
            } else {
                return Err(Error::Kind(input.clone()));
            }
            if entries.len() > MAX_INPUTS {
                return Err(Error::TooMany);
            }
        }
        Ok(Self {
            entries,
            max_frame,
            stdin: OnceLock::new(),
        })
    }

    /// How many frames one pass has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The frames' names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    /// One pass over all inputs: each one's name, and its frame or why there is none. Frames are
    /// numbered from `first` on.
    pub fn pass(&self, first: u64) -> impl Iterator<Item = (Arc<str>, Result<Frame, Error>)> {
        (first..).zip(&self.entries).map(|(sequence, entry)| {
            let frame = self.load(entry).map(|loaded| Frame {
                sequence,
                source: Arc::clone(&entry.name),
                content_type: Arc::from(media_type(Path::new(&*entry.name), &loaded.data)),
                acquired_ns: loaded.acquired_ns,
                data: loaded.data,
            });
            (Arc::clone(&entry.name), frame)
        })
    }

    fn load(&self, entry: &Entry) -> Result<Loaded, Error> {
        let Some(path) = &entry.path else {
            if let Some(loaded) = self.stdin.get() {
                return Ok(loaded.clone());
            }
            let data = self.read(io::stdin().lock(), Path::new("-"))?;
            let acquired_ns = nanoseconds(SystemTime::now());
            return Ok(self
                .stdin
                .get_or_init(|| Loaded { data, acquired_ns })
                .clone());
        };
        let file = fs::File::open(path).map_err(|source| read_error(path, source))?;
        // A file's last change is as near as anybody knows to when it was acquired.
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        Ok(Loaded {
            acquired_ns: changed.map(nanoseconds).unwrap_or_default(),
            data: self.read(file, path)?,
        })
    }

    /// Reads to the end, or one byte beyond the bound.
    fn read(&self, from: impl Read, path: &Path) -> Result<Bytes, Error> {
        let mut data = Vec::new();
        let most = u64::try_from(self.max_frame).unwrap_or(u64::MAX);
        from.take(most.saturating_add(1))
            .read_to_end(&mut data)
            .map_err(|source| read_error(path, source))?;
        if data.len() > self.max_frame {
            return Err(Error::TooLarge {
                path: path.to_owned(),
                limit: self.max_frame,
            });
        }
        Ok(Bytes::from(data))
    }
}

impl Entry {
    fn file(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: Arc::from(name.to_string_lossy()),
            path: Some(path),
        }
    }
}

/// The files of a directory by name, hidden ones and `aside` left out, its directories not entered.
fn directory(path: &Path, aside: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|source| read_error(path, source))? {
        let entry = entry.map_err(|source| read_error(path, source))?;
        let file = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || !fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        if aside.is_some() && fs::canonicalize(&file).ok().as_deref() == aside {
            continue;
        }
        files.push(file);
        if files.len() > MAX_INPUTS {
            return Err(Error::TooMany);
        }
    }
    if files.is_empty() {
        return Err(Error::Empty(path.to_owned()));
    }
    files.sort();
    Ok(files)
}

fn read_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    Error::Read { path, source }
}

/// Nanoseconds since the Unix epoch; zero, which says that nobody knows, for anything before it.
fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, data) in [
            ("b.pgm", "P5\n1 1\n255\nx"),
            ("a.txt", "hello"),
            (".hidden", "x"),
            ("truth.json", "{}"),
        ] {
            fs::write(dir.path().join(name), data).unwrap();
        }
        fs::create_dir(dir.path().join("c")).unwrap();
        dir
    }

    fn list(inputs: &[&Path], aside: Option<&Path>) -> Result<Files, Error> {
        let inputs: Vec<PathBuf> = inputs.iter().map(|path| path.to_path_buf()).collect();
        Files::list(&inputs, aside, 16)
    }

    #[test]
    fn a_directory_is_its_files_by_name() {
        let dir = folder();
        let truth = dir.path().join("truth.json");
        let files = list(&[dir.path()], Some(&truth)).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["a.txt", "b.pgm"]);
        let frames: Vec<Frame> = files.pass(7).map(|(_, frame)| frame.unwrap()).collect();
        assert_eq!(
            frames
                .iter()
                .map(|frame| frame.sequence)
                .collect::<Vec<_>>(),
            [7, 8]
        );
        assert_eq!(&*frames[0].content_type, "text/plain");
        assert_eq!(&*frames[1].content_type, "image/x-portable-graymap");
        assert_eq!(&frames[0].data[..], b"hello");
        assert!(frames[0].acquired_ns > 0);

        let files = list(&[dir.path(), &truth], Some(&truth)).unwrap();
        assert_eq!(files.len(), 3, "a file that was named is a frame");
    }

    #[test]
    fn what_cannot_be_listed_is_refused_at_once() {
        let dir = folder();
        let error = |path: &Path| list(&[path], None).unwrap_err().to_string();
        assert!(error(&dir.path().join("gone")).starts_with("cannot read"));
        assert!(error(&dir.path().join("c")).contains("holds no files"));
        assert!(error(Path::new("/dev/null")).contains("neither a file"));
    }

    #[test]
    fn a_frame_that_cannot_be_read_fails_alone() {
        let dir = folder();
        let files = list(&[dir.path()], None).unwrap();
        fs::remove_file(dir.path().join("a.txt")).unwrap();
        fs::write(dir.path().join("b.pgm"), [0; 17]).unwrap();
        fs::write(dir.path().join("truth.json"), [0; 16]).unwrap();
        let outcomes: Vec<_> = files
            .pass(0)
            .map(|(name, frame)| (name, frame.map(drop).map_err(|error| error.to_string())))
            .collect();
        assert!(outcomes[0].1.as_ref().unwrap_err().contains("a.txt"));
        assert!(outcomes[1].1.as_ref().unwrap_err().contains("--max-frame"));
        assert_eq!(outcomes[2], (Arc::from("truth.json"), Ok(())));
    }
}
