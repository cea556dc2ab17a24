//! The helper's side: confine first, then read, work and answer.
//!
//! Standard input is what it works on, standard output its result, standard error what it says: a line for each
//! layer that is missing, and then why the job cannot be done.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::ExitCode,
};

use crate::{
    Bounds, Layer, Missing, Strength,
    confine::{FIRST, REST, confine},
};

/// The job cannot be done; why is on standard error.
pub(crate) const REFUSED: u8 = 10;

/// A layer is missing, and all were asked for.
pub(crate) const WEAK: u8 = 11;

/// What a line about a missing layer begins with.
pub(crate) const MISSING: &str = "missing ";

/// Is the helper's whole `main`: confines the process, does the work on what it was handed, and hands back the
/// result. The arguments are those that [`crate::Job::run`] adds at the end.
///
/// It must be called before the process has started a thread.
pub fn serve(
    arguments: [&str; 2],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> ExitCode {
    serve_behind(&Layer::ALL, arguments, work, io::stdout())
}

/// As [`serve`], for a helper that [`crate::Job::run_apart`] started: it is apart from the host and not confined.
///
/// This is for what its user trusts as much as the host itself, and what may be broken all the same: a library of
/// the user's own choice. Such a library opens the files that it depends on and the devices that it drives. So the
/// helper keeps files, network, system calls, descriptors and memory. It dies with the host, is in a session of
/// its own, gets no new privileges and leaves no core dump; the host ends it when its time is over. It must never
/// be handed a stranger's bytes.
///
/// What the library prints on standard output goes to standard error: the result is the work's alone.
pub fn serve_apart(
    arguments: [&str; 2],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> ExitCode {
    let result = io::stdout().as_fd().try_clone_to_owned();
    let moved = rustix::stdio::dup2_stdout(io::stderr());
    match result.and_then(|result| moved.map(|()| result).map_err(io::Error::from)) {
        Ok(result) => serve_behind(&Layer::APART, arguments, work, File::from(result)),
        Err(error) => ExitCode::from(refuse(&format!(
            "the helper cannot keep its result apart: {error}"
        ))),
    }
}

fn serve_behind(
    layers: &[Layer],
    arguments: [&str; 2],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
    out: impl Write,
) -> ExitCode {
    let confined = Confining::with(layers, arguments).and_then(|confining| confining.tell());
    let done = confined.and_then(|()| answer(work, out).map_err(|why| refuse(&why)));
    done.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
}

fn answer(
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
    mut out: impl Write,
) -> Result<(), String> {
    let mut input = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut input);
    read.map_err(|error| format!("the helper cannot read: {error}"))?;
    let result = work(&input)?;
    let written = out.write_all(&result).and_then(|()| out.flush());
    written.map_err(|error| format!("the helper cannot write: {error}"))
}

/// A helper that is confined in two steps: between them it loads its libraries, which are the operator's own choice.
#[must_use]
pub struct Confining {
    bounds: Bounds,
    strength: Strength,
    missing: Vec<Missing>,
}

impl Confining {
    /// Puts on the layers that do not keep a process from loading a library. The arguments are those that the host
    /// adds at the end.
    ///
    /// It must be called before the process has opened anything or has started a thread.
    ///
    /// # Errors
    ///
    /// The helper's exit code, if the arguments are not a host's.
    pub fn begin(arguments: [&str; 2]) -> Result<Self, u8> {
        Self::with(&FIRST, arguments)
    }

    fn with(layers: &[Layer], [bounds, strength]: [&str; 2]) -> Result<Self, u8> {
        let (Ok(bounds), Ok(strength)) = (bounds.parse::<Bounds>(), strength.parse::<Strength>())
        else {
            return Err(refuse(
                "this is for helpers, which only the program itself starts",
            ));
        };
        Ok(Self {
            missing: confine(layers, &bounds),
            bounds,
            strength,
        })
    }

    /// Puts on the others. From here on the helper may read a stranger's bytes.
    ///
    /// # Errors
    ///
    /// The helper's exit code, if a layer is missing and all were asked for.
    pub fn finish(mut self) -> Result<(), u8> {
        self.missing.extend(confine(&REST, &self.bounds));
        self.tell()
    }

    fn tell(&self) -> Result<(), u8> {
        for missing in &self.missing {
            let reason = missing.reason.replace('\n', " ");
            say(&format!("{MISSING}{} {reason}\n", missing.layer));
        }
        if self.strength == Strength::Strict && !self.missing.is_empty() {
            return Err(WEAK);
        }
        Ok(())
    }
}

/// Says why a helper cannot do its job, and gives the exit code for that.
pub fn refuse(why: &str) -> u8 {
    say(why);
    REFUSED
}

/// Nobody is left to be told when this fails.
fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}
