//! The program: parse, start logging, run, and the exit code.
//!
//! 0: done. 1: the work failed. 2: it was asked wrongly. A command-world guest's own code is handed
//! on as it is. Logs and errors go to standard error, results to standard output.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use tollgate::{cli::Cli, commands, config};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let quiet = config::telemetry::switch_off();
    let cli = Cli::parse();
    let environment = config::Environment::of_this_process();
    init_logging(&environment.log_filter(cli.verbose), environment.plain());
    if !quiet {
        tracing::warn!(
            "ONNX Runtime may report to its maker: set ORT_DISABLE_TELEMETRY=1 to keep it from that"
        );
    }
    match commands::run(cli, environment) {
        Ok(code) => code,
        Err(error) if reader_went_away(&error) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "error: {error:#}").ok();
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}

/// Logs on standard error, in colour on a terminal.
fn init_logging(filter: &str, plain: bool) {
    let (filter, refused) = match EnvFilter::try_new(filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("warn"), Some(error)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !plain)
        .init();
    if let Some(error) = refused {
        tracing::warn!(%error, "TOLLGATE_LOG is no filter that can be read, so only warnings show");
    }
}

/// Whether writing failed because whoever read standard output has seen enough.
fn reader_went_away(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
