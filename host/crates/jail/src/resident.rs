//! A helper that goes on until it is ended, as the host has it.

use std::{
    ffi::OsStr,
    fs::File,
    path::Path,
    process::{Child, Command},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    Bounds, Error, Job, Missing,
    helper::{ITSELF, judge, memory_file, read_said, split},
    spawner,
};

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
    child: Mutex<Child>,
    said: File,
    bounds: Bounds,
}

impl Resident {
    /// Starts this program's helper, or that of another program. Its time is not looked after.
    ///
    /// # Errors
    ///
    /// The system starts no helper.
    pub fn start(job: &Job<'_>, program: Option<&Path>, handed: Handed) -> Result<Self, Error> {
        let prepared = |what| move |source| Error::Start { what, source };
        let said = memory_file().map_err(prepared("given a place for its messages"))?;
        let shared = said.try_clone();
        let mut command = Command::new(program.unwrap_or(Path::new(ITSELF)));
        command
            .args(job.arguments)
            .arg(job.bounds.to_argument())
            .arg(job.strength.name())
            .env_clear()
            .current_dir(OsStr::new("/"))
            .stdin(handed.input)
            .stdout(handed.output)
            .stderr(shared.map_err(prepared("handed its files"))?);
        let child = spawner::spawn(command).map_err(prepared("started"))?;
        Ok(Self {
            child: Mutex::new(child),
            said,
            bounds: job.bounds,
        })
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.lock().id()
    }

    /// The layers that the machine lacks; known once the helper is confined.
    pub fn missing(&self) -> Vec<Missing> {
        split(&self.said()).0
    }

    /// How it ended; none while it goes on.
    pub fn ended(&self) -> Option<Error> {
        let status = match self.lock().try_wait() {
            Ok(status) => status?,
            Err(error) => return Some(Error::Died(error.to_string())),
        };
        let said = self.said();
        let (missing, words) = split(&said);
        let judged = judge(&self.bounds, status, &missing, words);
        Some(judged.err().unwrap_or(Error::Died("it ended".to_owned())))
    }

    /// Ends it now, and waits for that.
    pub fn end(&self) {
        let mut child = self.lock();
        // It fails for one that has ended.
        child.kill().ok();
        child.wait().ok();
    }

    fn said(&self) -> String {
        read_said(&self.said).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        // Each step leaves the process as it is.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

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
        Resident::start(&job, Some(Path::new("/bin/sh")), handed).unwrap()
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
