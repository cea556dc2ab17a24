//! Which embedded files the project of a language gets, and where they go.
//!
//! Rust builds the SDK from source, so it gets the crates in the layout of the repository. The
//! tools of the other languages need the interfaces as one WIT package with its dependencies under
//! `deps`.

use std::borrow::Cow;

use super::{Error, File, Language, bindings, embedded, lock};

/// A language's SDK, its licence, and the files that pin its toolchain.
pub(super) fn files(name: &str, language: Language) -> Result<Vec<File>, Error> {
    let mut files = match language {
        Language::Rust => rust()?,
        Language::C | Language::Cpp => c(language)?,
        Language::Zig => {
            let mut files = c(Language::C)?;
            files.push(as_it_is("sdk/tollgate.zig", "zig/tollgate.zig")?);
            files
        }
        Language::Python => {
            let mut files = taken("python/tollgate/", "sdk/tollgate/");
            files.extend(wit_package()?);
            files.push(as_it_is("sdk/build.py", "python/build.py")?);
            files.push(requirements("python")?);
            files
        }
        Language::Js => js(name)?,
        Language::AssemblyScript => assemblyscript(name)?,
        Language::Go => {
            let mut files = taken("go/", "sdk/");
            files.retain(|file| file.path.ends_with(".go") || file.path.ends_with(".mod"));
            files.push(requirements("go")?);
            files
        }
    };
    files.push(as_it_is("sdk/LICENSE", "LICENSE")?);
    Ok(files)
}

fn rust() -> Result<Vec<File>, Error> {
    let mut files = taken("rust/", "sdk/crates/guest/");
    files.extend(taken("wit/", "sdk/wit/"));
    files.retain(|file| !file.path.ends_with(".md"));
    files.push(made("sdk/Cargo.toml", lock::workspace()?));
    files.push(made("Cargo.lock", lock::lock()?));
    Ok(files)
}

fn c(language: Language) -> Result<Vec<File>, Error> {
    let mut files = taken("c/include/", "sdk/include/");
    files.extend(taken("c/src/", "sdk/src/"));
    files.extend(taken("c/testing/", "sdk/testing/"));
    if language == Language::C {
        files.retain(|file| file.path.ends_with(".c") || file.path.ends_with(".h"));
    }
    files.extend(bindings::files()?);
    files.push(requirements("c")?);
    Ok(files)
}

fn js(name: &str) -> Result<Vec<File>, Error> {
    let mut files = taken("js/src/", "sdk/src/");
    files.extend(wit_package()?);
    // Its own manifest declares that it has no side effects, so that bundlers drop unused code.
    for name in ["build.mjs", "package.json", "test.mjs", "tsconfig.json"] {
        files.push(as_it_is(&format!("sdk/{name}"), &format!("js/{name}"))?);
    }
    files.extend(npm("js", name)?);
    Ok(files)
}

fn assemblyscript(name: &str) -> Result<Vec<File>, Error> {
    // The compiler looks for a package in a folder of the same name.
    let mut files = taken("assemblyscript/src/", "sdk/tollgate/src/");
    files.push(as_it_is(
        "sdk/tollgate/index.ts",
        "assemblyscript/index.ts",
    )?);
    files.extend(npm("assemblyscript", name)?);
    Ok(files)
}

/// The files with which npm installs an SDK's tools.
fn npm(sdk: &str, name: &str) -> Result<[File; 2], Error> {
    // The lock file contains the package's name, which must be the plugin's.
    let lock = embedded::text(&format!("{sdk}/package-lock.json"))?;
    let named = lock.replace("\"name\": \"tollgate\"", &format!("\"name\": \"{name}\""));
    Ok([
        as_it_is(".npmrc", &format!("{sdk}/.npmrc"))?,
        made("package-lock.json", named),
    ])
}

/// The versions of npm packages from an SDK's `package.json`.
pub(super) fn dev_dependencies(sdk: &str) -> Result<String, Error> {
    let problem = |error: serde_json::Error| Error::new("package.json", error);
    let package: serde_json::Value =
        serde_json::from_slice(embedded::file(&format!("{sdk}/package.json"))?).map_err(problem)?;
    let versions = package.get("devDependencies").unwrap_or_default();
    let text = serde_json::to_string_pretty(versions).map_err(problem)?;
    // Indented by one more level than in the source.
    Ok(text.replace('\n', "\n  "))
}

/// The interfaces of the plugin world and its dependencies, by their path in one WIT package. Other
/// interfaces that the host offers are not for plugins.
pub(super) fn interfaces() -> Result<Vec<(String, &'static str)>, Error> {
    let mut all = Vec::new();
    for (path, bytes) in embedded::below("wit/") {
        if let Some((folder, name)) = path.rsplit_once('/').filter(|_| path.ends_with(".wit")) {
            let text = std::str::from_utf8(bytes).map_err(|e| Error::new("interfaces", e))?;
            all.push((folder, name, text));
        }
    }
    let package = |folder: &str| {
        let mut texts = all.iter().filter(|(of, _, _)| *of == folder);
        texts.find_map(|(_, _, text)| {
            let mut lines = text.lines();
            let named = lines.find_map(|line| line.strip_prefix("package "))?;
            named.trim_end_matches(';').split_once('@')
        })
    };
    let mut needed = vec![WORLD];
    let mut next = 0;
    while let Some(&folder) = needed.get(next) {
        next += 1;
        for (_, _, text) in all.iter().filter(|(of, _, _)| *of == folder) {
            for (other, _, _) in &all {
                let used = package(other).is_some_and(|(name, version)| uses(text, name, version));
                if used && !needed.contains(other) {
                    needed.push(other);
                }
            }
        }
    }
    all.retain(|(folder, _, _)| needed.contains(folder));
    let placed = |folder: &str, name: &str| match folder {
        WORLD => name.to_owned(),
        _ if folder.starts_with("deps/") => format!("{folder}/{name}"),
        _ => format!("deps/{folder}/{name}"),
    };
    let files = all.iter();
    Ok(files
        .map(|&(folder, name, text)| (placed(folder, name), text))
        .collect())
}

/// The folder with the package of the plugin world.
const WORLD: &str = "plugin";

/// Whether a text names an interface of a package.
fn uses(text: &str, name: &str, version: &str) -> bool {
    let (begins, ends) = (format!("{name}/"), format!("@{version}"));
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter()
        .any(|line| line.contains(&begins) && line.contains(&ends))
}

fn wit_package() -> Result<Vec<File>, Error> {
    let files = interfaces()?.into_iter();
    Ok(files
        .map(|(path, text)| File {
            path: format!("sdk/wit/{path}"),
            bytes: Cow::Borrowed(text.as_bytes()),
        })
        .collect())
}

/// All files below a folder, with the folder's path replaced by another one.
fn taken(from: &str, to: &str) -> Vec<File> {
    embedded::below(from)
        .map(|(path, bytes)| File {
            path: format!("{to}{path}"),
            bytes: Cow::Borrowed(bytes),
        })
        .collect()
}

fn requirements(sdk: &str) -> Result<File, Error> {
    as_it_is("requirements.txt", &format!("{sdk}/requirements.txt"))
}

fn as_it_is(path: &str, embedded: &str) -> Result<File, Error> {
    Ok(File {
        path: path.to_owned(),
        bytes: Cow::Borrowed(embedded::file(embedded)?),
    })
}

fn made(path: &str, text: String) -> File {
    File {
        path: path.to_owned(),
        bytes: Cow::Owned(text.into_bytes()),
    }
}
