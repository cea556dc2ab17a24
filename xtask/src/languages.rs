//! The example's plugin in the other languages: built into `target/guests/components` beside the
//! Rust one, as `meter-reader-LANGUAGE.wasm`.
//!
//! Every toolchain is fetched from its registry at a pinned version when it is first needed, into
//! `target/`, and shared by the languages that use it. A component is built again only when a file
//! that it is made from changed. Nothing here knows what a plugin does.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result};

use crate::{guests, shell, workspace::Workspace};

mod componentize_py;
mod freshness;
mod interfaces;
mod javascript;
mod zig;

use freshness::Stamp;

/// What the example is written in, beside Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
    Zig,
    Python,
    Js,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::C, Self::Cpp, Self::Zig, Self::Python, Self::Js];

    /// As it stands in the names of folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::Python => "python",
            Self::Js => "js",
        }
    }
}

/// What `--lang` takes: a language's name, or `all`.
#[derive(Clone, Debug)]
pub struct Choice(pub Vec<Language>);

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Language::ALL.map(Language::name);
        let chosen: Vec<Language> = Language::ALL
            .into_iter()
            .filter(|language| text == "all" || text == language.name())
            .collect();
        if chosen.is_empty() {
            return Err(format!("expected `all` or one of {}", all.join(", ")));
        }
        Ok(Choice(chosen))
    }
}

/// Everything that building a plugin in one language needs to know.
struct Job<'a> {
    workspace: &'a Workspace,
    language: Language,
    /// The plugin's sources.
    sources: PathBuf,
    /// For what is made on the way.
    scratch: PathBuf,
    /// The WIT package of the plugin world, with its dependencies.
    interfaces: PathBuf,
}

/// Builds the plugins in these languages.
pub fn build(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    let interfaces = interfaces::assemble(workspace)?;
    let components = guests::folder(workspace, "guests/components")?;
    for &language in languages {
        let name = language.name();
        let job = Job {
            workspace,
            language,
            sources: workspace.path(&format!("examples/meter-reader/{name}")),
            scratch: guests::folder(workspace, &format!("guests/languages/{name}"))?,
            interfaces: interfaces.clone(),
        };
        let component = components.join(format!("meter-reader-{name}.wasm"));
        let stamp = Stamp::of(&job.inputs())?;
        if component.exists() && stamp.is_on(&job.scratch) {
            continue;
        }
        shell::step(&format!("the guest `meter-reader-{name}`"), || {
            let bytes = job.component()?;
            guests::write_if_changed(&component, &bytes)?;
            stamp.put_on(&job.scratch)
        })?;
    }
    Ok(())
}

impl Job<'_> {
    /// Files and folders that the component is made from, the recipe itself included.
    fn inputs(&self) -> Vec<PathBuf> {
        let mut inputs = vec![
            self.sources.clone(),
            self.interfaces.clone(),
            self.workspace.path("xtask/src/languages"),
        ];
        let sdks: &[&str] = match self.language {
            Language::C | Language::Cpp => &["guest-sdk/c"],
            Language::Zig => &["guest-sdk/c", "guest-sdk/zig"],
            Language::Python => &["guest-sdk/python"],
            Language::Js => &["guest-sdk/js"],
        };
        inputs.extend(sdks.iter().map(|sdk| self.workspace.path(sdk)));
        inputs
    }

    fn component(&self) -> Result<Vec<u8>> {
        match self.language {
            Language::C | Language::Cpp | Language::Zig => zig::component(self),
            Language::Python => componentize_py::component(self),
            Language::Js => javascript::component(self),
        }
    }

    /// A folder below its own, made where it is missing.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        guests::folder(
            self.workspace,
            &format!("guests/languages/{}/{name}", self.language.name()),
        )
    }

    /// A file of an SDK's.
    fn sdk(&self, path: &str) -> PathBuf {
        self.workspace.path("guest-sdk").join(path)
    }
}

/// The files of a folder with this extension, in the order of their names.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read `{}`", folder.display()))?
            .path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
