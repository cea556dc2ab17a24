//! The program: parses the command line, starts logging, runs the command, and sets the exit code.
//!
//! 0: done. 1: the work failed. 2: the command line is wrong. 130: a signal ended it. For a
//! command, the guest's own exit code is passed on. Logs and errors go to standard error, results
//! to standard output.

use std::{io, process::ExitCode};

use clap::{
    Parser,
    error::{ContextValue, ErrorKind},
};
use tollgate::{
    cli::{self, Cli},
    commands, config, egress, logging, remedy,
};
use tollgate_files::WriteError;
use tollgate_report::terminal;

fn main() -> ExitCode {
    let quiet = config::telemetry::switch_off();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(error),
    };
    let environment = config::Environment::of_this_process();
    // A helper says nothing by itself: its standard error is its host's, and bounded.
    if !matches!(cli.command, cli::Command::Jail(_)) {
        logging::init(&environment.log_filter(cli.verbose), environment.plain());
    }
    if !quiet {
        tracing::warn!(
            "ONNX Runtime may report to its maker: set ORT_DISABLE_TELEMETRY=1 to keep it from that"
        );
    }
    match commands::run(cli, environment) {
        Ok(code) => code,
        Err(error) if reader_went_away(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // All else that is read or written says which file it is.
            let error = if error.is::<io::Error>() && error.chain().count() == 1 {
                error.context("cannot write to standard output")
            } else {
                error
            };
            egress::say_error(&remedy::explained(&error));
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}

/// Prints help and version unchanged. In errors the user's arguments are escaped, since a shell may
/// have inserted file names into them.
fn refused(mut error: clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        error.exit();
    }
    let typed: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => {
                Some((kind, ContextValue::String(terminal::escaped(text))))
            }
            ContextValue::Strings(texts) => Some((
                kind,
                ContextValue::Strings(texts.iter().map(|text| terminal::escaped(text)).collect()),
            )),
            _ => None,
        })
        .collect();
    for (kind, value) in typed {
        error.insert(kind, value);
    }
    egress::say(format_args!("{}", error.render().to_string().trim_end()));
    ExitCode::from(2)
}

/// Whether writing failed because the reader closed it: that of standard output, or of a pipe that
/// was named as a file.
fn reader_went_away(error: &anyhow::Error) -> bool {
    let named = error.downcast_ref::<WriteError>().map(WriteError::reason);
    error
        .downcast_ref::<io::Error>()
        .or(named)
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
