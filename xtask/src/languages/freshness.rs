//! Whether what a component was made from is still the same: by content, so that a checkout, which
//! makes every file new, builds nothing again.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// What tools leave in source folders; none of it is a source.
const LEAVINGS: [&str; 2] = ["__pycache__", "node_modules"];

/// Files by path and content.
pub struct Stamp(String);

impl Stamp {
    /// Of these files, and of all files in these folders and below but texts to read.
    pub fn of(inputs: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for input in inputs {
            gather(input, &mut files)?;
        }
        files.sort();
        let mut lines = String::new();
        for file in &files {
            let bytes =
                fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            lines.push_str(&format!("{:016x} {}\n", hasher.finish(), file.display()));
        }
        Ok(Stamp(lines))
    }

    /// Whether the folder carries this very stamp.
    pub fn is_on(&self, folder: &Path) -> bool {
        fs::read_to_string(folder.join("stamp")).is_ok_and(|there| there == self.0)
    }

    /// Stamps the folder; once the work is done, so that what was cut short is done again.
    pub fn put_on(&self, folder: &Path) -> Result<()> {
        let path = folder.join("stamp");
        fs::write(&path, &self.0).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let problem = || format!("cannot read `{}`", path.display());
    for entry in fs::read_dir(path).with_context(problem)? {
        let path = entry.with_context(problem)?.path();
        let leaving = LEAVINGS.iter().any(|name| path.ends_with(name));
        let text = path.extension().is_some_and(|found| found == "md");
        if !leaving && !text {
            gather(&path, files)?;
        }
    }
    Ok(())
}
