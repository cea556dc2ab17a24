//! A helper that goes on until it is ended, as the host has it.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, pidfd_send_signal},
};

use crate::{
    Bounds, Error, Job, Missing, Nursery,
    helper::{ITSELF, judge, memory_file, read_said, split},
    spawner,
};

/// How long the end of a killed helper is waited for: it may have gigabytes to give back.
const ENDS: Duration = Duration::from_secs(1);

/// The two files that a helper is handed.
#[derive(Debug)]
pub struct Handed {
    /// Its standard input.
    pub input: File,
    /// Its standard output.
    pub output: File,
}

/// A helper that goes on. It is ended when this is dropped.
#[derive(Debug)]
pub struct Resident {
    process: Process,
    said: File,
    bounds: Bounds,
}

#[derive(Debug)]
enum Process {
    /// Started by this process.
    Child(Mutex<Child>),
    /// Forked by a nursery, which alone is told how it ends.
    Forked {
        nursery: Arc<Nursery>,
        number: Pid,
        watched: OwnedFd,
        ended: OnceLock<ExitStatus>,
    },
}

impl Resident {
    /// Starts this program's helper, or that of another program, with this environment alone. Its time is not looked
    /// after.
    ///
    /// # Errors
    ///
    /// The system starts no helper.
    pub fn start(
        job: &Job<'_>,
        program: Option<&Path>,
        environment: &[(&str, &str)],
        handed: Handed,
    ) -> Result<Self, Error> {
        let prepared = |what| move |source| Error::Start { what, source };
        let said = memory_file().map_err(prepared("given a place for its messages"))?;
        let shared = said.try_clone();
        let mut command = Command::new(program.unwrap_or(Path::new(ITSELF)));
        command
            .args(job.arguments)
            .arg(job.bounds.to_argument())
            .arg(job.strength.name())
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir(OsStr::new("/"))
            .stdin(handed.input)
            .stdout(handed.output)
            .stderr(shared.map_err(prepared("handed its files"))?);
        let child = spawner::spawn(command).map_err(prepared("started"))?;
        Ok(Self {
            process: Process::Child(Mutex::new(child)),
            said,
            bounds: job.bounds,
        })
    }

    pub(crate) fn forked(
        nursery: Arc<Nursery>,
        number: Pid,
        watched: OwnedFd,
        said: File,
        bounds: Bounds,
    ) -> Self {
        Self {
            process: Process::Forked {
                nursery,
                number,
                watched,
                ended: OnceLock::new(),
            },
            said,
            bounds,
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        match &self.process {
            Process::Child(child) => lock(child).id(),
            Process::Forked { number, .. } => number.as_raw_nonzero().get().unsigned_abs(),
        }
    }

    /// The layers that the machine lacks; known once the helper is confined.
    pub fn missing(&self) -> Vec<Missing> {
        split(&self.said()).0
    }

    /// How it ended; none while it goes on.
    pub fn ended(&self) -> Option<Error> {
        let status = match self.process.ended() {
            Ok(status) => status?,
            Err(why) => return Some(Error::Died(why)),
        };
        let said = self.said();
        let (missing, words) = split(&said);
        let judged = judge(&self.bounds, status, &missing, words);
        Some(judged.err().unwrap_or(Error::Died("it ended".to_owned())))
    }

    /// Ends it now, and waits for that, but not for ever.
    pub fn end(&self) {
        match &self.process {
            Process::Child(child) => {
                let mut child = lock(child);
                // It fails for one that has ended.
                child.kill().ok();
                let until = Instant::now() + ENDS;
                while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until
                {
                    thread::sleep(Duration::from_micros(200));
                }
            }
            Process::Forked { watched, .. } => {
                pidfd_send_signal(watched, Signal::KILL).ok();
                has_ended(watched, ENDS).ok();
                // Its nursery forgets it.
                self.process.ended().ok();
            }
        }
    }

    fn said(&self) -> String {
        read_said(&self.said).unwrap_or_default()
    }
}

impl Process {
    fn ended(&self) -> Result<Option<ExitStatus>, String> {
        match self {
            Self::Child(child) => {
                let status = lock(child).try_wait();
                status.map_err(|error| error.to_string())
            }
            Self::Forked {
                nursery,
                number,
                watched,
                ended,
            } => {
                if let Some(known) = ended.get() {
                    return Ok(Some(*known));
                }
                if !has_ended(watched, Duration::ZERO).map_err(|error| error.to_string())? {
                    return Ok(None);
                }
                let status = nursery.status(*number);
                let status =
                    status.map_err(|_| "it and the process that it was forked from ended")?;
                // A process that can be seen to have ended has a status.
                Ok(status.map(|status| *ended.get_or_init(|| status)))
            }
        }
    }
}

/// Waits until a process has ended, at most this long.
fn has_ended(watched: &OwnedFd, at_most: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
    let mut ready = [PollFd::new(watched, PollFlags::IN)];
    loop {
        match poll(&mut ready, Some(&timeout)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    // Each step leaves the process as it is.
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use crate::Strength;

    use super::*;

    fn start(script: &str) -> Resident {
        let job = Job {
            arguments: &["-c", script, "sh"],
            bounds: Bounds {
                memory_bytes: 1 << 30,
                private_bytes: 1 << 30,
                result_bytes: 1 << 20,
                time: Duration::MAX,
            },
            strength: Strength::Best,
        };
        let handed = Handed {
            input: memory_file().unwrap(),
            output: memory_file().unwrap(),
        };
        Resident::start(&job, Some(Path::new("/bin/sh")), &[], handed).unwrap()
    }

    #[test]
    fn it_goes_on_until_it_is_ended() {
        let helper = start("sleep 600");
        assert!(helper.ended().is_none());
        helper.end();
        assert!(matches!(helper.ended(), Some(Error::Died(how)) if how.contains("signal: 9")));
    }

    #[test]
    fn how_it_ended_by_itself_is_told() {
        let helper = start("echo bang >&2; kill -SEGV $$");
        let ended = loop {
            match helper.ended() {
                Some(ended) => break ended,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        let words = ended.to_string();
        assert!(
            words.contains("signal: 11") && words.contains("bang"),
            "{words}"
        );
    }
}
