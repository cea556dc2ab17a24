//! The example's plugin, and a test guest, in the other languages: built into `target/guests/components` beside
//! those in Rust, as `meter-reader-LANGUAGE.wasm` and `repeat-LANGUAGE.wasm`.
//!
//! Every toolchain is fetched from its registry at a pinned version when it is first needed, into
//! `target/`, and shared by the languages that use it. A component is built again only when a file
//! that it is made from changed. Nothing here knows what a plugin does.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result};

use crate::{guests, python, shell, workspace::Workspace};

mod assemblyscript;
mod componentize_py;
mod freshness;
mod go;
mod interfaces;
mod javascript;
mod node;
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
    AssemblyScript,
    Go,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::C,
        Self::Cpp,
        Self::Zig,
        Self::Python,
        Self::Js,
        Self::AssemblyScript,
        Self::Go,
    ];

    /// As it stands in the names of folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::Python => "python",
            Self::Js => "js",
            Self::AssemblyScript => "assemblyscript",
            Self::Go => "go",
        }
    }

    /// The generation of wasi-nn that its SDK stands on.
    pub fn interface(self) -> &'static str {
        match self {
            Self::AssemblyScript | Self::Go => "wasi_ephemeral_nn",
            _ => "tollgate:nn",
        }
    }

    /// Whether its plugins are interpreted in the sandbox, and take a hundred times as long.
    pub fn is_interpreted(self) -> bool {
        matches!(self, Self::Python | Self::Js)
    }

    /// The toolchain and its version.
    pub fn toolchain(self, workspace: &Workspace) -> Result<String> {
        match self {
            Self::C | Self::Cpp | Self::Zig => python::pinned(workspace, &python::ZIG),
            Self::Python => python::pinned(workspace, &python::COMPONENTIZE_PY),
            Self::Js => node::pinned(workspace, "js", "componentize-qjs"),
            Self::AssemblyScript => node::pinned(workspace, "assemblyscript", "assemblyscript"),
            Self::Go => Ok(go::Go::ensure(workspace)?.version),
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
    /// What the plugin is called, and its main file, as far as the language lets it.
    plugin: &'static str,
    /// The plugin's sources.
    sources: PathBuf,
    /// For what is made on the way.
    scratch: PathBuf,
    /// The WIT package of the plugin world, with its dependencies.
    interfaces: PathBuf,
}

/// A plugin that there is in every language, and the folder that has one for each.
const EXAMPLE: (&str, &str) = ("meter-reader", "examples/meter-reader");
const FIXTURE: (&str, &str) = ("repeat", "tests/repeat");

/// Builds the example's plugins in these languages.
pub fn build(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    build_all(workspace, EXAMPLE, languages)
}

/// Builds the test guests in these languages.
pub fn build_fixtures(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    build_all(workspace, FIXTURE, languages)
}

fn build_all(
    workspace: &Workspace,
    (plugin, folder): (&'static str, &str),
    languages: &[Language],
) -> Result<()> {
    let interfaces = interfaces::assemble(workspace)?;
    let components = guests::folder(workspace, "guests/components")?;
    for &language in languages {
        let name = language.name();
        let job = Job {
            workspace,
            language,
            plugin,
            sources: workspace.path(&format!("{folder}/{name}")),
            scratch: guests::folder(workspace, &format!("guests/languages/{plugin}/{name}"))?,
            interfaces: interfaces.clone(),
        };
        let component = components.join(format!("{plugin}-{name}.wasm"));
        let stamp = Stamp::of(&job.inputs())?;
        if component.exists() && stamp.is_on(&job.scratch) {
            continue;
        }
        shell::step(&format!("the guest `{plugin}-{name}`"), || {
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
            Language::AssemblyScript => &["guest-sdk/assemblyscript"],
            Language::Go => &["guest-sdk/go"],
        };
        inputs.extend(sdks.iter().map(|sdk| self.workspace.path(sdk)));
        inputs
    }

    fn component(&self) -> Result<Vec<u8>> {
        match self.language {
            Language::C | Language::Cpp | Language::Zig => zig::component(self),
            Language::Python => componentize_py::component(self),
            Language::Js => javascript::component(self),
            Language::AssemblyScript => assemblyscript::module(self),
            Language::Go => go::module(self),
        }
    }

    /// The plugin's name in languages that have no hyphens in names.
    fn identifier(&self) -> String {
        self.plugin.replace('-', "_")
    }

    /// A folder below its own, made where it is missing.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        guests::folder(
            self.workspace,
            &format!(
                "guests/languages/{}/{}/{name}",
                self.plugin,
                self.language.name()
            ),
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
