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

use crate::{Bounds, Layer, Strength, confine::confine};

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
        Err(error) => refuse(&format!("the helper cannot keep its result apart: {error}")),
    }
}

fn serve_behind(
    layers: &[Layer],
    [bounds, strength]: [&str; 2],
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
    mut out: impl Write,
) -> ExitCode {
    let (Ok(bounds), Ok(strength)) = (bounds.parse::<Bounds>(), strength.parse::<Strength>())
    else {
        return refuse("this is for helpers, which only the program itself starts");
    };
    let missing = confine(layers, &bounds);
    for missing in &missing {
        let reason = missing.reason.replace('\n', " ");
        say(&format!("{MISSING}{} {reason}\n", missing.layer));
    }
    if strength == Strength::Strict && !missing.is_empty() {
        return ExitCode::from(WEAK);
    }
    let mut input = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut input) {
        return refuse(&format!("the helper cannot read: {error}"));
    }
    let result = match work(&input) {
        Ok(result) => result,
        Err(why) => return refuse(&why),
    };
    match out.write_all(&result).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("the helper cannot write: {error}")),
    }
}

fn refuse(why: &str) -> ExitCode {
    say(why);
    ExitCode::from(REFUSED)
}

/// Nobody is left to be told when this fails.
fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}
