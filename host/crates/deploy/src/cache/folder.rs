//! The folder for compiled code. It is opened in a way that no other user can have put code into
//! it.
//!
//! The path is walked from `/` one name at a time, by descriptors. Each folder on the way must
//! belong to this user or root and must not be writable for others. Sticky folders such as `/tmp`
//! are allowed, since no user can rename another's files there. Symbolic links on the way must
//! belong to this user or root too. The folder itself must belong to this user and must not be a
//! link. Entries are opened relative to its descriptor without following links, and are checked
//! through their own descriptors. So nothing can be swapped between a check and a use.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};

/// The largest number of symbolic links in one path, the same as Linux's limit.
const MAX_LINKS: usize = 40;

/// The write permissions of group and others, and the sticky bit.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The prefix of files that are still being written. One that is older than [`STALE`] was left by a
/// process that died.
const UNFINISHED: &[u8] = b".unfinished-";
const STALE: Duration = Duration::from_secs(3600);

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("`{path}` cannot be opened")]
    Io {
        /// The path that was opened.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another user could put code into the folder.
    #[error(
        "`{path}` {why}, and compiled code is run as it is: mend that, or name another folder with TOLLGATE_HOME"
    )]
    Untrusted {
        /// The folder or link.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// An open folder that only this user can write to.
#[derive(Debug)]
pub(super) struct Folder {
    dir: OwnedFd,
}

/// A file in the folder, as its directory entry says.
pub(super) struct Listed {
    pub(super) name: OsString,
    pub(super) bytes: u64,
    pub(super) written: SystemTime,
}

impl Folder {
    /// Opens the folder at an absolute path. With `make`, missing folders are created.
    pub(super) fn open(path: &Path, make: bool) -> Result<Self, Error> {
        let dir = walk(path, make)?;
        let failed = |errno: Errno| io_error(path, errno);
        let stat = rustix::fs::fstat(&dir).map_err(failed)?;
        if stat.st_mode & 0o077 != 0 {
            // Makes the folder private: being readable would be safe, but no other user needs it.
            rustix::fs::fchmod(&dir, Mode::RWXU).map_err(failed)?;
        }
        Ok(Self { dir })
    }

    /// Opens an entry for reading.
    pub(super) fn entry(&self, name: &OsStr) -> io::Result<File> {
        // If the entry is a pipe, opening it must not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || stat.st_uid != me() || stat.st_mode & OTHERS_WRITE != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is not a regular file of this user's that only they can write",
            ));
        }
        Ok(File::from(file))
    }

    /// Writes a file under another name and then renames it, so that a half-written one is never
    /// seen.
    pub(super) fn write(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut beside = OsStr::from_bytes(UNFINISHED).to_owned();
        beside.push(format!("{}-{count}", std::process::id()));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, &beside, flags, Mode::RUSR | Mode::WUSR)?;
        let written = File::from(file)
            .write_all(bytes)
            .and_then(|()| Ok(rustix::fs::renameat(&self.dir, &beside, &self.dir, name)?));
        if written.is_err() {
            self.remove(&beside).ok();
        }
        written
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.dir, name, AtFlags::empty())?)
    }

    /// Lists all complete files, and removes unfinished ones that are stale.
    pub(super) fn list(&self) -> io::Result<Vec<Listed>> {
        let now = SystemTime::now();
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let Ok(stat) = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                continue;
            }
            let written = modified(&stat);
            if name.as_bytes().starts_with(UNFINISHED) {
                if now.duration_since(written).is_ok_and(|age| age > STALE) {
                    self.remove(name).ok();
                }
                continue;
            }
            files.push(Listed {
                name: name.to_owned(),
                bytes: u64::try_from(stat.st_size).unwrap_or(0),
                written,
            });
        }
        Ok(files)
    }
}

/// Opens a folder by walking its path, and checks each part of it.
fn walk(path: &Path, make: bool) -> Result<OwnedFd, Error> {
    let folder = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut shown = PathBuf::from("/");
    let mut at = open_root(&shown)?;
    let mut left = Vec::new();
    push(&mut left, path);
    let mut links = 0;
    while let Some(name) = left.pop() {
        let last = left.is_empty();
        let here = shown.join(&name);
        let failed = |errno| io_error(&here, errno);
        // A folder on the way need not be readable.
        let flags = folder | if last { OFlags::RDONLY } else { OFlags::PATH };
        let open = || rustix::fs::openat(&at, &name, flags, Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) if make => {
                match rustix::fs::mkdirat(&at, &name, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(failed(errno)),
                }
                open()
            }
            opened => opened,
        };
        match opened {
            Ok(next) => {
                trusted(&rustix::fs::fstat(&next).map_err(failed)?, &here, last)?;
                at = next;
                if name == ".." {
                    shown.pop();
                } else {
                    shown = here;
                }
            }
            // What the system returns for a link when a folder is asked for.
            Err(errno @ (Errno::NOTDIR | Errno::LOOP)) => {
                let Ok(target) = rustix::fs::readlinkat(&at, &name, Vec::new()) else {
                    return Err(failed(errno));
                };
                let stat = rustix::fs::statat(&at, &name, AtFlags::SYMLINK_NOFOLLOW);
                let owner = stat.map_err(failed)?.st_uid;
                links += 1;
                if last {
                    return Err(untrusted(&here, "is a symbolic link".to_owned()));
                }
                if owner != me() && owner != 0 {
                    let why = format!("is a symbolic link of another user's (uid {owner})");
                    return Err(untrusted(&here, why));
                }
                if links > MAX_LINKS {
                    return Err(failed(Errno::LOOP));
                }
                let target = Path::new(OsStr::from_bytes(target.to_bytes()));
                if target.is_absolute() {
                    shown = PathBuf::from("/");
                    at = open_root(&shown)?;
                }
                push(&mut left, target);
            }
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(at)
}

fn open_root(shown: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(shown, flags, Mode::empty());
    let root = root.map_err(|errno| io_error(shown, errno))?;
    let stat = rustix::fs::fstat(root.as_fd()).map_err(|errno| io_error(shown, errno))?;
    trusted(&stat, shown, false)?;
    Ok(root)
}

/// Puts the parts of a path on the stack, the first one on top.
fn push(left: &mut Vec<OsString>, path: &Path) {
    left.extend(path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    }));
}

/// Refuses a folder that a user other than this one and root can change.
fn trusted(stat: &Stat, path: &Path, own: bool) -> Result<(), Error> {
    match distrust(stat.st_uid, stat.st_mode, me(), own) {
        Some(why) => Err(untrusted(path, why)),
        None => Ok(()),
    }
}

/// Why a folder with this owner and mode is not trusted. The cache's own folder has no exceptions.
fn distrust(owner: u32, mode: u32, me: u32, own: bool) -> Option<String> {
    if owner != me && (own || owner != 0) {
        return Some(format!("belongs to another user (uid {owner})"));
    }
    let sticky = mode & STICKY != 0 && !own;
    (mode & OTHERS_WRITE != 0 && !sticky)
        .then(|| format!("can be written by other users (mode {:o})", mode & 0o7777))
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn untrusted(path: &Path, why: String) -> Error {
    Error::Untrusted {
        path: path.to_owned(),
        why,
    }
}

fn io_error(path: &Path, errno: Errno) -> Error {
    Error::Io {
        path: path.to_owned(),
        source: errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refused(path: &Path) -> String {
        Folder::open(path, true).unwrap_err().to_string()
    }

    #[test]
    fn other_owners_are_distrusted() {
        let fine = |owner, mode, own| distrust(owner, mode, 1000, own).is_none();
        assert!(fine(1000, 0o40700, true) && fine(1000, 0o40755, true));
        assert!(!fine(0, 0o40700, true) && !fine(1001, 0o40700, true));
        assert!(fine(0, 0o40755, false) && fine(0, 0o41777, false));
        assert!(!fine(1001, 0o40755, false) && !fine(1001, 0o41777, false));
        assert!(!fine(0, 0o40775, false) && !fine(1000, 0o40777, false));
        // For root, root's folders are its own.
        assert!(distrust(0, 0o40700, 0, true).is_none());
        assert!(distrust(1000, 0o40700, 0, true).is_some());
    }

    #[test]
    fn a_folder_is_made_private() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        Folder::open(&path, true).unwrap();
        for made in [&path, &base.path().join("a")] {
            assert_eq!(
                fs::metadata(made).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        mode(&path, 0o755);
        Folder::open(&path, false).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert!(matches!(
            Folder::open(&base.path().join("none"), false),
            Err(Error::Io { .. })
        ));
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        Folder::open(&path, true).unwrap();
        for open in [0o770, 0o702, 0o777, 0o1777] {
            mode(&path, open);
            assert!(refused(&path).contains("other users"), "{open:o}");
            let left = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(left, open, "left as it was");
        }
        mode(&path, 0o700);
        let parent = base.path().join("a");
        mode(&parent, 0o777);
        assert!(refused(&path).contains("other users"));
        mode(&parent, 0o1777);
        Folder::open(&path, true).unwrap();
    }

    #[test]
    fn links_are_followed_on_the_way_and_never_at_the_end() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("elsewhere");
        fs::create_dir(&target).unwrap();
        mode(&target, 0o755);
        symlink("elsewhere", base.path().join("link")).unwrap();
        symlink(base.path().join("link"), base.path().join("second")).unwrap();
        assert!(refused(&base.path().join("link")).contains("symbolic link"));
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o755
        );
        Folder::open(&base.path().join("second/../elsewhere/own"), true).unwrap();
        assert!(target.join("own").is_dir());
        symlink("turns", base.path().join("turns")).unwrap();
        assert!(matches!(
            Folder::open(&base.path().join("turns/x"), true),
            Err(Error::Io { .. })
        ));
    }

    #[test]
    fn only_private_regular_files_are_entries() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("cache");
        let folder = Folder::open(&path, true).unwrap();
        let name = OsStr::new("entry");
        folder.write(name, b"code").unwrap();
        assert!(folder.entry(name).is_ok());
        assert_eq!(folder.list().unwrap().len(), 1);
        mode(&path.join(name), 0o622);
        assert!(folder.entry(name).is_err());
        fs::remove_file(path.join(name)).unwrap();
        fs::write(base.path().join("outside"), "code").unwrap();
        symlink("../outside", path.join(name)).unwrap();
        assert!(folder.entry(name).is_err());
        assert!(folder.list().unwrap().is_empty());
        // A rename replaces the link and leaves the link's target alone.
        folder.write(name, b"own").unwrap();
        assert_eq!(fs::read(base.path().join("outside")).unwrap(), b"code");
        assert!(folder.entry(name).is_ok());
    }
}
