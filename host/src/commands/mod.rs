//! The subcommands, one file each. Each resolves what was typed, does the work, and prints.

mod bench;
mod doctor;
mod generate;
mod inspect;
mod load;
mod new;
mod pack;
mod run;
mod runtime_install;
mod tune;

#[cfg(fuzzing)]
pub use pack::packed;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command, RuntimeCommand},
    config::Environment,
};

/// Runs what was asked for; the code is 1 where the work was done and something in it failed.
///
/// # Errors
///
/// The work could not be done, or was asked wrongly, which is a [`crate::config::Error`].
pub fn run(cli: Cli, environment: Environment) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => run::run(args, cli.verbose > 0, environment),
        Command::Bench(args) => bench::run(*args, &environment),
        Command::Tune(args) => tune::run(*args, &environment),
        Command::Generate(args) => generate::run(&args),
        Command::Doctor(args) => doctor::run(args, &environment),
        Command::Jail(args) => {
            let told: Vec<&str> = args.told.iter().map(String::as_str).collect();
            Ok(tollgate_deploy::jail::serve(&told))
        }
        Command::Inspect(args) => inspect::run(&args),
        Command::New(args) => new::run(&args),
        Command::Pack(args) => pack::run(&args, &environment),
        Command::Runtime(RuntimeCommand::Install(args)) => {
            runtime_install::run(&args, &environment).map(|()| ExitCode::SUCCESS)
        }
    }
}
