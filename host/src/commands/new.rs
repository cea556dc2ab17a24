//! `tollgate new`: creates a folder with a plugin's project, and prints the next commands.
//!
//! Nothing is overwritten: the folder must be missing or empty. If writing fails and the folder was
//! created here, it is removed again.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use serde::Serialize;

use crate::{
    cli::NewArgs,
    egress,
    new::{self, File, Language, Readme},
};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.new/1";

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    folder: String,
    language: &'static str,
    /// Their paths in the folder.
    files: Vec<&'a str>,
    /// The commands that install the toolchain, to run once in the folder.
    setup: &'a [String],
    /// The commands that test, build and run the plugin.
    commands: &'a [String],
}

/// Runs the command.
///
/// # Errors
///
/// The folder is not empty, or cannot be written.
pub fn run(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let files = new::project(&args.place.name, args.lang)?;
    let folder = &args.place.folder;
    let made = make_folder(folder)?;
    if let Err(error) = write(folder, &files) {
        if made {
            // Safe to remove: it only contains what was just written.
            fs::remove_dir_all(folder).ok();
        }
        return Err(error);
    }
    let readme = Readme::of(&files);
    let report = Report {
        schema: SCHEMA,
        folder: folder.display().to_string(),
        language: args.lang.name(),
        files: files.iter().map(|file| file.path.as_str()).collect(),
        setup: &readme.setup,
        commands: &readme.commands,
    };
    if args.json {
        egress::print_json(&report)?;
    } else {
        egress::print(&words(&report, args.lang))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates the folder, and returns whether it did. An existing folder must be empty.
fn make_folder(folder: &Path) -> anyhow::Result<bool> {
    let shown = folder.display();
    let advice = "name a folder that can be made, such as one in your home";
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("the folder `{shown}` is not empty: choose another name, or empty it first");
            }
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            bail!("`{shown}` is a file, or lies below one: choose another name")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(folder)
            .map(|()| true)
            .with_context(|| format!("cannot make the folder `{shown}`; {advice}")),
        Err(error) => {
            Err(error).with_context(|| format!("cannot look into the folder `{shown}`; {advice}"))
        }
    }
}

fn write(folder: &Path, files: &[File]) -> anyhow::Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        write_one(&path, &file.bytes).with_context(|| {
            format!(
                "cannot write `{}`; make room, or choose another place",
                path.display()
            )
        })?;
    }
    Ok(())
}

fn write_one(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}

/// The created files and the next commands as text.
fn words(report: &Report<'_>, language: Language) -> String {
    let folder = tollgate_report::terminal::escaped(&report.folder);
    let mut words = format!(
        "{folder}: a plugin in {language}, {} files; its README says more\n\n  cd {folder}\n",
        report.files.len()
    );
    words.push_str("\nwhere the toolchain is not there yet:\n\n");
    let line = |words: &mut String, line: &String| {
        words.push_str("  ");
        words.push_str(line);
        words.push('\n');
    };
    report.setup.iter().for_each(|one| line(&mut words, one));
    words.push_str("\nthen:\n\n");
    report.commands.iter().for_each(|one| line(&mut words, one));
    words.pop();
    words
}
