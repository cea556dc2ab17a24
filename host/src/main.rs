//! The program: parse, start logging, run, and the exit code.
//!
//! 0: done. 1: the work failed. 2: it was asked wrongly. 130: a signal cut it short. A command-world
//! guest's own code is handed on as it is. Logs and errors go to standard error, results to standard
//! output.

use std::{io, process::ExitCode};

use clap::{
    Parser,
    error::{ContextValue, ErrorKind},
};
use tollgate::{cli::Cli, commands, config, egress, logging};
use tollgate_report::terminal;

fn main() -> ExitCode {
    let quiet = config::telemetry::switch_off();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(error),
    };
    let environment = config::Environment::of_this_process();
    logging::init(&environment.log_filter(cli.verbose), environment.plain());
    if !quiet {
        tracing::warn!(
            "ONNX Runtime may report to its maker: set ORT_DISABLE_TELEMETRY=1 to keep it from that"
        );
    }
    match commands::run(cli, environment) {
        Ok(code) => code,
        Err(error) if reader_went_away(&error) => ExitCode::SUCCESS,
        Err(error) => {
            egress::say_error(&format_args!("{error:#}"));
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}

/// Help and version as they are; what was asked wrongly with what was typed escaped, since file names
/// are typed by shells as well as by people.
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

/// Whether writing failed because whoever read standard output has seen enough.
fn reader_went_away(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
