//! The host's side: starts a helper, hands it bytes, waits for it within its time, and takes its result.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Seek, Write},
    os::unix::{fs::FileExt, process::ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    process::{Pid, PidfdFlags, Resource, Signal, getrlimit, pidfd_open},
};

use crate::{
    Bounds, Done, Error, Job, Missing,
    serve::{MISSING, REFUSED, WEAK},
};

/// The program that this process is, even if its file was replaced meanwhile.
pub const ITSELF: &str = "/proc/self/exe";

/// The most bytes that are read of what a helper says.
const SAID_BYTES: usize = 16 << 10;

/// What is done to memory files: they never change again.
const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::GROW)
    .union(SealFlags::SHRINK)
    .union(SealFlags::SEAL);

impl Job<'_> {
    /// Has this program's helper do the work, and waits for it.
    ///
    /// # Errors
    ///
    /// The helper could not be started, refused the work, did not do it within its bounds, or died.
    pub fn run(&self, input: &[u8]) -> Result<Done, Error> {
        self.run_program(Path::new(ITSELF), input)
    }

    /// As [`Job::run`], with a helper of another program.
    ///
    /// # Errors
    ///
    /// As [`Job::run`].
    pub fn run_program(&self, program: &Path, input: &[u8]) -> Result<Done, Error> {
        let mut command = Command::new(program);
        command.env_clear().current_dir(OsStr::new("/"));
        self.run_command(command, input)
    }

    /// Has a helper of a program do the work that is apart from this process and not confined: one that calls
    /// [`crate::serve_apart`], which says what that is for. It has this process's environment and working folder,
    /// which say where a library finds what it needs. Of its bounds only the time holds for it; the size of its
    /// result is for the caller to look at.
    ///
    /// # Errors
    ///
    /// As [`Job::run`].
    pub fn run_apart(&self, program: &Path, input: &[u8]) -> Result<Done, Error> {
        self.run_command(Command::new(program), input)
    }

    fn run_command(&self, mut command: Command, input: &[u8]) -> Result<Done, Error> {
        let handed = memory_file().and_then(|mut file| {
            may_have(input.len() as u64)?;
            file.write_all(input)?;
            file.rewind()?;
            fcntl_add_seals(&file, SEALS)?;
            Ok(file)
        });
        let prepared = |what| move |source| Error::Start { what, source };
        let handed = handed.map_err(prepared("handed its bytes"))?;
        let mut result = memory_file().map_err(prepared("given a place for its result"))?;
        let said = memory_file().map_err(prepared("given a place for its messages"))?;
        let shared = |file: &File| file.try_clone().map_err(prepared("handed its files"));
        command
            .args(self.arguments)
            .arg(self.bounds.to_argument())
            .arg(self.strength.name())
            .stdin(handed)
            .stdout(shared(&result)?)
            .stderr(shared(&said)?);
        let child = command.spawn().map_err(prepared("started"))?;
        let ended = self.wait(child)?;
        let said = read_said(&said).map_err(prepared("asked what it said"))?;
        let (missing, words) = split(&said);
        let Some(status) = ended else {
            return Err(Error::Late(self.bounds.time));
        };
        judge(&self.bounds, status, &missing, words)?;
        fcntl_add_seals(&result, SEALS).map_err(|error| Error::Start {
            what: "kept from its result",
            source: error.into(),
        })?;
        let bytes = result.seek(io::SeekFrom::End(0));
        let bytes = bytes.map_err(prepared("asked for its result"))?;
        result.rewind().map_err(prepared("asked for its result"))?;
        Ok(Done {
            file: result,
            bytes,
            missing,
        })
    }

    /// Waits until the helper has ended; ends it when its time is over. None when its time was over.
    fn wait(&self, mut child: Child) -> Result<Option<ExitStatus>, Error> {
        let waiting = |source| Error::Start {
            what: "waited for",
            source,
        };
        let until = Instant::now() + self.bounds.time;
        let late = loop {
            let left = until.saturating_duration_since(Instant::now());
            match has_ended(&mut child, left) {
                Ok(true) => break false,
                Ok(false) if left.is_zero() => break true,
                Ok(false) => {}
                Err(error) => {
                    child.kill().ok();
                    child.wait().ok();
                    return Err(waiting(error));
                }
            }
        };
        if late {
            child.kill().ok();
        }
        let status = child.wait().map_err(waiting)?;
        Ok((!late).then_some(status))
    }
}

/// What a helper's end means; an error unless it was good.
pub(crate) fn judge(
    bounds: &Bounds,
    status: ExitStatus,
    missing: &[Missing],
    words: &str,
) -> Result<(), Error> {
    let signal = status.signal();
    let by = |one: Signal| signal == Some(one.as_raw());
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(()),
        Some(REFUSED) => Err(Error::Refused(words.trim_end().to_owned())),
        Some(WEAK) => {
            let all: Vec<String> = missing.iter().map(Missing::to_string).collect();
            Err(Error::Layer(all.join(", ")))
        }
        // What Rust's allocator says before it aborts.
        _ if words.contains("memory allocation of") => Err(Error::Memory(bounds.memory_bytes)),
        _ if by(Signal::XFSZ) => Err(Error::Result(bounds.result_bytes)),
        _ if by(Signal::XCPU) => Err(Error::Late(bounds.time)),
        _ => {
            let last = words.lines().next_back().unwrap_or_default();
            let why = if last.is_empty() {
                status.to_string()
            } else {
                format!("{status}: {last}")
            };
            Err(Error::Died(why))
        }
    }
}

/// Refuses a memory file of this size where the limit of the size of files would end this process.
///
/// # Errors
///
/// The limit, which holds for memory files as well.
pub fn may_have(bytes: u64) -> io::Result<()> {
    match getrlimit(Resource::Fsize).current {
        Some(most) if most < bytes => Err(io::Error::other(format!(
            "files of this process may have {most} bytes (`ulimit -f`), {bytes} are needed for a helper's memory"
        ))),
        _ => Ok(()),
    }
}

pub(crate) fn memory_file() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(File::from(memfd_create("tollgate", flags)?))
}

/// Waits for the helper's end, at most this long; may come back earlier.
fn has_ended(child: &mut Child, at_most: Duration) -> io::Result<bool> {
    if child.try_wait()?.is_some() {
        return Ok(true);
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    match pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
        Some(Ok(process)) => {
            let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
            let mut ready = [PollFd::new(&process, PollFlags::IN)];
            match poll(&mut ready, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // A kernel before 5.3.
        _ => std::thread::sleep(at_most.min(Duration::from_millis(1))),
    }
    Ok(child.try_wait()?.is_some())
}

/// Reads without moving the position at which the helper writes.
pub(crate) fn read_said(file: &File) -> io::Result<String> {
    let mut said = vec![0; SAID_BYTES];
    let mut length = 0;
    while let Some(rest) = said.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    said.truncate(length);
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The layers that a helper says are missing, and the rest of what it says.
pub(crate) fn split(said: &str) -> (Vec<Missing>, &str) {
    let (mut missing, mut rest) = (Vec::new(), said);
    while let Some((line, after)) = rest.split_once('\n')
        && let Some((name, reason)) = line
            .strip_prefix(MISSING)
            .and_then(|line| line.split_once(' '))
        && let Ok(layer) = name.parse()
    {
        missing.push(Missing {
            layer,
            reason: reason.to_owned(),
        });
        rest = after;
    }
    (missing, rest)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use crate::{Bounds, Layer, Strength};

    use super::*;

    #[test]
    fn missing_layers_stand_before_words() {
        let (missing, words) = split("missing landlock no such thing\nmissing you\nmore");
        let expected = Missing {
            layer: Layer::Landlock,
            reason: "no such thing".to_owned(),
        };
        assert_eq!(
            (missing.as_slice(), words),
            (&[expected][..], "missing you\nmore")
        );
        assert_eq!(split("").1, "");
    }

    fn job<'a>(arguments: &'a [&'a str], time: Duration) -> Job<'a> {
        Job {
            arguments,
            bounds: Bounds {
                memory_bytes: 1 << 30,
                private_bytes: 1 << 30,
                result_bytes: 1 << 20,
                time,
            },
            strength: Strength::Best,
        }
    }

    // Any program is a helper that does not confine itself; what a real one does is tried in `tests/all/jail.rs`.

    #[test]
    fn what_a_helper_leaves_is_sealed() {
        let job = job(&["-c", "cat; true"], Duration::from_secs(60));
        let done = job
            .run_program(Path::new("/bin/sh"), b"some bytes")
            .unwrap();
        let mut bytes = Vec::new();
        (&done.file).read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.as_slice(), done.bytes), (&b"some bytes"[..], 10));
        assert!(
            (&done.file).write_all(b"more").is_err(),
            "nobody changes it"
        );
        assert!(done.file.set_len(0).is_err());
    }

    #[test]
    fn only_a_helper_that_is_apart_has_the_surroundings_of_its_host() {
        let job = job(&["-c", "pwd; env; true"], Duration::from_secs(60));
        let shell = Path::new("/bin/sh");
        let said = |done: Result<Done, Error>| io::read_to_string(done.unwrap().file).unwrap();
        let here = std::env::current_dir().unwrap().display().to_string();
        let inherits = |said: &str| said.lines().any(|line| line.starts_with("CARGO_PKG_NAME="));
        let apart = said(job.run_apart(shell, b""));
        assert!(apart.starts_with(&here) && inherits(&apart), "{apart}");
        let confined = said(job.run_program(shell, b""));
        assert!(
            confined.starts_with("/\n") && !inherits(&confined),
            "{confined}"
        );
    }

    #[test]
    fn ends_that_are_not_good_are_told_apart() {
        let failed = |script: &str, time| {
            let arguments = ["-c", script, "sh"];
            let ran = job(&arguments, time).run_program(Path::new("/bin/sh"), b"");
            ran.map(|done| done.bytes).unwrap_err()
        };
        let soon = Duration::from_secs(60);
        let refused = failed("echo 'no plugin' >&2; exit 10", soon);
        assert!(
            matches!(&refused, Error::Refused(why) if why == "no plugin"),
            "{refused}"
        );
        let weak = failed("echo 'missing seccomp none here' >&2; exit 11", soon);
        assert!(weak.to_string().contains("seccomp (none here)"), "{weak}");
        let died = failed("echo bang >&2; kill -SEGV $$", soon);
        assert!(
            matches!(&died, Error::Died(why) if why.contains("bang")),
            "{died}"
        );
        let memory = failed(
            "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
            soon,
        );
        assert!(matches!(memory, Error::Memory(_)), "{memory}");
        let late = failed("kill -STOP $$", Duration::from_millis(50));
        assert!(matches!(late, Error::Late(_)), "{late}");
        let none = job(&[], soon).run_program(Path::new("/nowhere/at/all"), b"");
        assert!(matches!(none, Err(Error::Start { .. })));
    }
}
