//! Which of the files that the program carries a language's project gets, and where they go.
//!
//! Rust builds the SDK from its sources, so it gets the crates as they lie in the repository; the
//! tools of the other languages want the interfaces as one WIT package with its dependencies under
//! `deps`.

use std::borrow::Cow;

use super::{Error, File, Language, bindings, embedded, lock};

/// The interfaces that guests of earlier days were built against: no project needs them.
const EARLIER: &str = "deps/wasi-nn-2024-08-19/";

/// The SDK of a language, its licence, and what pins its toolchain.
pub(super) fn files(name: &str, language: Language) -> Result<Vec<File>, Error> {
    let mut files = match language {
        Language::Rust => rust()?,
        Language::C | Language::Cpp => c(language)?,
        Language::Python => {
            let mut files = taken("python/tollgate/", "sdk/tollgate/");
            files.extend(wit_package());
            files.push(requirements("python")?);
            files
        }
        Language::Js => js(name)?,
    };
    files.push(as_it_is("sdk/LICENSE", "LICENSE")?);
    Ok(files)
}

fn rust() -> Result<Vec<File>, Error> {
    let mut files = taken("rust/", "sdk/crates/guest/");
    files.extend(taken("wit/", "sdk/wit/"));
    files.retain(|file| !file.path.contains(EARLIER) && !file.path.ends_with(".md"));
    files.push(made("sdk/Cargo.toml", lock::workspace()?));
    files.push(made("Cargo.lock", lock::lock()?));
    Ok(files)
}

fn c(language: Language) -> Result<Vec<File>, Error> {
    let mut files = taken("c/include/", "sdk/include/");
    files.extend(taken("c/src/", "sdk/src/"));
    if language == Language::C {
        files.retain(|file| file.path.ends_with(".c") || file.path.ends_with(".h"));
    }
    files.extend(bindings::files()?);
    files.push(requirements("c")?);
    Ok(files)
}

fn js(name: &str) -> Result<Vec<File>, Error> {
    let mut files = taken("js/src/", "sdk/src/");
    files.extend(wit_package());
    for name in ["build.mjs", "tsconfig.json"] {
        files.push(as_it_is(&format!("sdk/{name}"), &format!("js/{name}"))?);
    }
    files.push(as_it_is(".npmrc", "js/.npmrc")?);
    // It names the package that it belongs to, which is the plugin's.
    let lock = embedded::text("js/package-lock.json")?;
    let named = lock.replace("\"name\": \"tollgate\"", &format!("\"name\": \"{name}\""));
    files.push(made("package-lock.json", named));
    Ok(files)
}

/// The versions of npm's packages, as they stand in a `package.json`.
pub(super) fn dev_dependencies() -> Result<String, Error> {
    let problem = |error: serde_json::Error| Error::new("package.json", error);
    let package: serde_json::Value =
        serde_json::from_slice(embedded::file("js/package.json")?).map_err(problem)?;
    let versions = package.get("devDependencies").unwrap_or_default();
    let text = serde_json::to_string_pretty(versions).map_err(problem)?;
    // One level deeper than where the text was made.
    Ok(text.replace('\n', "\n  "))
}

/// The interfaces by their path in one WIT package.
pub(super) fn interfaces() -> impl Iterator<Item = (String, &'static [u8])> {
    embedded::below("wit/").filter_map(|(path, bytes)| {
        let is_text = path.ends_with(".wit") && !path.starts_with(EARLIER);
        let placed = match path.strip_prefix("plugin/") {
            Some(world) => world.to_owned(),
            None if path.starts_with("deps/") => path.to_owned(),
            None => format!("deps/{path}"),
        };
        is_text.then_some((placed, bytes))
    })
}

fn wit_package() -> impl Iterator<Item = File> {
    interfaces().map(|(path, bytes)| File {
        path: format!("sdk/wit/{path}"),
        bytes: Cow::Borrowed(bytes),
    })
}

/// All that lies below a folder, put below another one.
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
