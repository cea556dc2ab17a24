//! Running other programs and saying what goes on, on standard error alone.
//!
//! A step is announced when it starts and again, with its time, when it is over, so that a silent
//! minute always has a name. A program's own standard output is turned to standard error unless it
//! is what the user asked for. No shell is ever between us and the program.

use std::{
    io::{self, Write},
    process::{Command, ExitStatus, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

/// One line to the person at the terminal.
pub fn say(line: &str) {
    // Nobody is left to tell when standard error is gone.
    writeln!(io::stderr(), "{line}").ok();
}

/// Runs `work` with its name before it and its time after it.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(&format!("xtask: {name} ..."));
    let started = Instant::now();
    let result = work().with_context(|| format!("{name} failed"));
    if result.is_ok() {
        say(&format!(
            "xtask: {name}: done in {:.1} s",
            started.elapsed().as_secs_f64()
        ));
    }
    result
}

/// Runs a program for what it does; all it prints goes to standard error.
pub fn run(command: &mut Command) -> Result<()> {
    command.stdout(io::stderr());
    let status = status(command)?;
    expect_success(command, status)
}

/// Runs a program for what it prints: its standard output is ours.
pub fn run_through(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    expect_success(command, status)
}

/// Runs a program and hands back what it prints; its standard error is ours.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`: is it installed?", words(command)))?;
    expect_success(command, output.status)?;
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not text", words(command)))
}

/// Runs `source | sink`.
pub fn pipe(source: &mut Command, sink: &mut Command) -> Result<()> {
    let mut from = source
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`: is it installed?", words(source)))?;
    let stream = from
        .stdout
        .take()
        .context("a piped program has no standard output")?;
    let sunk = status(sink.stdin(stream).stdout(io::stderr()));
    let sourced = from
        .wait()
        .with_context(|| format!("lost sight of `{}`", words(source)))?;
    expect_success(sink, sunk?)?;
    expect_success(source, sourced)
}

fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start `{}`: is it installed?", words(command)))
}

fn expect_success(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` ended with {status}", words(command));
    }
    Ok(())
}

/// The command as it would be typed, near enough to be tried by hand.
fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|word| word.to_string_lossy()));
    words.join(" ")
}
