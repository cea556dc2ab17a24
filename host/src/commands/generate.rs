//! `tollgate generate`: completions of shells, and manual pages, made from the very options that are parsed.

use std::{fs, io, path::Path, process::ExitCode};

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::{Cli, GenerateCommand};

/// Runs the command.
///
/// # Errors
///
/// A folder or a file that cannot be written.
pub fn run(args: &GenerateCommand) -> anyhow::Result<ExitCode> {
    match args {
        GenerateCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tollgate", &mut script);
            io::Write::write_all(&mut io::stdout(), &script)?;
        }
        GenerateCommand::Man { dir } => man(dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn man(dir: &Path) -> anyhow::Result<()> {
    let shown = dir.display();
    fs::create_dir_all(dir).with_context(|| format!("cannot make the folder `{shown}`"))?;
    // Builds the names of subcommands as well.
    clap_mangen::generate_to(Cli::command(), dir)
        .with_context(|| format!("cannot write manual pages into `{shown}`"))
}
