//! Reads files, directories and standard input as frames.
//!
//! Inputs are listed first, so that a missing one is reported before anything runs. They are read
//! one by one when a worker needs them, so that memory only holds the frames in progress. Standard
//! input is one frame; it can be read only once, so it is kept. A file may change or vanish between
//! listing and reading; then only its own frame fails.
//!
//! A guest is given a file's name without its folder, since it need not know the host's folders.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use glob::Pattern;
use tollgate_services::Frame;

use crate::{folder::Folder, media::media_type};
use tollgate_dispatch::Interrupt;

/// The largest number of inputs of a run, which is about a million.
const MAX_INPUTS: usize = 1 << 20;

/// How many of the files left out are named.
const SHOWN: usize = 3;

/// How often a wait for standard input checks for a signal.
const POLL: Duration = Duration::from_millis(50);

/// Why inputs cannot be listed or a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is missing or not readable.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The path of the input.
        path: PathBuf,
        /// The system's reason, which says what to do.
        source: io::Error,
    },
    /// A device, a socket or a pipe.
    #[error("`{}` is neither a file nor a directory: give one of these, or `-` for standard input", .0.display())]
    Kind(PathBuf),
    /// A directory with no frames in it.
    #[error("`{}` holds no files that are frames: hidden ones and those in its directories do not count, nor do documents", .0.display())]
    Empty(PathBuf),
    /// A directory in which no file has a name that was asked for.
    #[error("`{}` holds no files whose names match `{}`", path.display(), patterns.join("` or `"))]
    NoMatch {
        /// The directory.
        path: PathBuf,
        /// What was asked for.
        patterns: Vec<String>,
    },
    /// More inputs than allowed.
    #[error("there are more than {MAX_INPUTS} inputs: run them in parts")]
    TooMany,
    /// The input is larger than a frame may be.
    #[error("`{}` has more than {limit} bytes", path.display())]
    TooLarge {
        /// The input.
        path: PathBuf,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The inputs of a run.
#[derive(Debug)]
pub struct Files {
    entries: Vec<Entry>,
    /// Files of directories that are not frames.
    left_out: Vec<PathBuf>,
    max_frame: usize,
    /// Standard input, once it was read, or the error of reading it.
    stdin: OnceLock<Result<Loaded, io::ErrorKind>>,
    /// Ends a wait for standard input.
    interrupt: Interrupt,
}

/// One input.
#[derive(Debug)]
struct Entry {
    /// The name for the guest and the reports.
    name: Arc<str>,
    /// Its path; `None` for standard input.
    path: Option<PathBuf>,
}

/// The contents of an input.
#[derive(Clone, Debug)]
struct Loaded {
    data: Bytes,
    acquired_ns: u64,
}

impl Files {
    /// Lists files as given, directories by their files' names, and `-` as standard input. `aside`
    /// is a file that is not a frame, even if it is in one of the directories. `include` says which
    /// files of directories are frames; if it is empty, their kind decides.
    ///
    /// # Errors
    ///
    /// An input is missing or of an unsupported kind, a directory is empty, or there are too many
    /// inputs.
    pub fn list(
        inputs: &[PathBuf],
        aside: Option<&Path>,
        include: &[Pattern],
        max_frame: usize,
    ) -> Result<Self, Error> {
        let aside = aside.and_then(|path| fs::canonicalize(path).ok());
        let (mut entries, mut left_out) = (Vec::new(), Vec::new());
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
                let folder = Folder::list(input, aside.as_deref(), include, MAX_INPUTS)
                    .map_err(|source| read_error(input, source))?
                    .ok_or(Error::TooMany)?;
                if folder.frames.is_empty() {
                    if include.is_empty() || folder.left_out.is_empty() {
                        return Err(Error::Empty(input.clone()));
                    }
                    let patterns = include.iter().map(|one| one.as_str().to_owned());
                    return Err(Error::NoMatch {
                        path: input.clone(),
                        patterns: patterns.collect(),
                    });
                }
                entries.extend(folder.frames.into_iter().map(Entry::file));
                left_out.extend(folder.left_out);
            } else {
                return Err(Error::Kind(input.clone()));
            }
            if entries.len() > MAX_INPUTS {
                return Err(Error::TooMany);
            }
        }
        Ok(Self {
            entries,
            left_out,
            max_frame,
            stdin: OnceLock::new(),
            interrupt: Interrupt::default(),
        })
    }

    /// A sentence about the files left out of directories; `None` if there are none.
    pub fn left_out(&self) -> Option<String> {
        let names = self.left_out.iter().take(SHOWN);
        let names: Vec<String> = names.map(|path| format!("`{}`", path.display())).collect();
        let more = match self.left_out.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| format!("left out, as no frames: {}{more}", names.join(", ")))
    }

    /// The number of frames in one pass.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no frames.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names of the frames, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    /// One pass over all inputs: the name of each, with its frame or the error of reading it.
    /// Frames are numbered from `first`.
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
            return self.standard_input();
        };
        let file = fs::File::open(path).map_err(|source| read_error(path, source))?;
        // The time of a file's last change is the best estimate of when it was acquired.
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        Ok(Loaded {
            acquired_ns: changed.map(nanoseconds).unwrap_or_default(),
            data: read_bounded(file, path, self.max_frame)?,
        })
    }

    fn standard_input(&self) -> Result<Loaded, Error> {
        let path = Path::new("-");
        let loaded = self.stdin.get_or_init(|| {
            let data = self.read_standard_input(path);
            let acquired_ns = nanoseconds(SystemTime::now());
            match data {
                Ok(data) => Ok(Loaded { data, acquired_ns }),
                Err(Error::Read { source, .. }) => Err(source.kind()),
                Err(_) => Err(io::ErrorKind::FileTooLarge),
            }
        });
        match loaded {
            Ok(loaded) => Ok(loaded.clone()),
            Err(io::ErrorKind::FileTooLarge) => Err(too_large(path, self.max_frame)),
            Err(kind) => Err(read_error(path, (*kind).into())),
        }
    }

    /// Reads on a separate thread, so that a signal can end the wait for input.
    fn read_standard_input(&self, path: &Path) -> Result<Bytes, Error> {
        let (send, read) = mpsc::sync_channel(1);
        let most = self.max_frame;
        let reader = move || {
            let path = Path::new("-");
            // The receiver is gone if a signal ended the wait.
            send.send(read_bounded(io::stdin().lock(), path, most)).ok();
        };
        thread::Builder::new()
            .name("standard-input".to_owned())
            .spawn(reader)
            .map_err(|source| read_error(path, source))?;
        loop {
            match read.recv_timeout(POLL) {
                Ok(data) => return data,
                Err(RecvTimeoutError::Timeout) if self.interrupt.is_raised() => {
                    return Err(read_error(path, io::ErrorKind::Interrupted.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(read_error(path, io::ErrorKind::UnexpectedEof.into()));
                }
            }
        }
    }

    /// Sets the interrupt that ends a wait for standard input.
    #[must_use]
    pub fn ended_by(self, interrupt: &Interrupt) -> Self {
        Self {
            interrupt: interrupt.clone(),
            ..self
        }
    }
}

/// Reads to the end, but at most one byte more than `most` bytes.
fn read_bounded(from: impl Read, path: &Path, most: usize) -> Result<Bytes, Error> {
    let mut data = Vec::new();
    let beyond = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(beyond)
        .read_to_end(&mut data)
        .map_err(|source| read_error(path, source))?;
    if data.len() > most {
        return Err(too_large(path, most));
    }
    Ok(Bytes::from(data))
}

fn too_large(path: &Path, limit: usize) -> Error {
    Error::TooLarge {
        path: path.to_owned(),
        limit,
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

fn read_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    Error::Read { path, source }
}

/// Nanoseconds since the Unix epoch; zero, which means unknown, for earlier times.
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
        let all = [Pattern::new("*").unwrap()];
        Files::list(&inputs, aside, &all, 16)
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
        assert_eq!(files.left_out(), None, "the truth needs no word");

        let files = Files::list(&[dir.path().to_path_buf()], None, &[], 16).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["b.pgm"]);
        let told = files.left_out().unwrap();
        assert!(told.contains("a.txt") && told.contains("truth.json"));
    }

    #[test]
    fn what_cannot_be_listed_is_refused_at_once() {
        let dir = folder();
        let error = |path: &Path| list(&[path], None).unwrap_err().to_string();
        assert!(error(&dir.path().join("gone")).starts_with("cannot read"));
        assert!(error(&dir.path().join("c")).contains("holds no files that are frames"));
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
        let too_large = outcomes[1].1.as_ref().unwrap_err();
        assert!(too_large.ends_with("has more than 16 bytes"));
        assert_eq!(outcomes[2], (Arc::from("truth.json"), Ok(())));
    }
}
