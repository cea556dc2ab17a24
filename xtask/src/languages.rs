//! The example's plugin, and test guests, in the other languages: built into `target/guests/components` beside
//! those in Rust, as `meter-reader-LANGUAGE.wasm` and so on.
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

    /// Whether its plugins can have configuration, a log and buckets, which preview1 knows nothing of.
    fn has_services(self) -> bool {
        !matches!(self, Self::AssemblyScript | Self::Go)
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

/// A plugin that there is in every language.
struct Plugin {
    /// As its component is called, the language's name behind it, and its main file, as far as the
    /// language lets it.
    name: &'static str,
    /// Below here is a folder for each language.
    folder: &'static str,
    /// Whether it uses configuration, the log or buckets, which preview1 modules have no way to ask for:
    /// it is there in the other languages only.
    services: bool,
}

/// What people read.
const EXAMPLES: [Plugin; 1] = [Plugin {
    name: "meter-reader",
    folder: "examples/meter-reader",
    services: false,
}];

/// What the tests run that the examples do not do.
const FIXTURES: [Plugin; 2] = [
    Plugin {
        name: "repeat",
        folder: "tests/repeat",
        services: false,
    },
    Plugin {
        name: "counter",
        folder: "tests/guests/counter",
        services: true,
    },
];

/// Everything that building a plugin in one language needs to know.
struct Job<'a> {
    workspace: &'a Workspace,
    plugin: &'static Plugin,
    language: Language,
    /// The plugin's sources.
    sources: PathBuf,
    /// For what is made on the way.
    scratch: PathBuf,
    /// The WIT package of the plugin world, with its dependencies.
    interfaces: PathBuf,
}

/// Builds the examples' plugins in these languages.
pub fn build(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    build_all(workspace, &EXAMPLES, languages)
}

/// Builds the test guests in these languages.
pub fn build_fixtures(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    build_all(workspace, &FIXTURES, languages)
}

fn build_all(
    workspace: &Workspace,
    plugins: &'static [Plugin],
    languages: &[Language],
) -> Result<()> {
    let interfaces = interfaces::assemble(workspace)?;
    let components = guests::folder(workspace, "guests/components")?;
    let wanted = languages
        .iter()
        .flat_map(|&language| plugins.iter().map(move |plugin| (language, plugin)))
        .filter(|(language, plugin)| !plugin.services || language.has_services());
    for (language, plugin) in wanted {
        let name = format!("{}-{}", plugin.name, language.name());
        let job = Job {
            workspace,
            plugin,
            language,
            sources: workspace.path(&format!("{}/{}", plugin.folder, language.name())),
            scratch: guests::folder(workspace, &format!("guests/languages/{name}"))?,
            interfaces: interfaces.clone(),
        };
        let component = components.join(format!("{name}.wasm"));
        let stamp = Stamp::of(&job.inputs())?;
        if component.exists() && stamp.is_on(&job.scratch) {
            continue;
        }
        shell::step(&format!("the guest `{name}`"), || {
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
        self.plugin.name.replace('-', "_")
    }

    /// A folder below its own, made where it is missing.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = format!(
            "guests/languages/{}-{}/{name}",
            self.plugin.name,
            self.language.name()
        );
        guests::folder(self.workspace, &folder)
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
