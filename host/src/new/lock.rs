//! What Cargo needs for the vendored SDK: a workspace for its crates, and the versions that it was
//! tested with. Both are extracted from this repository's own files, so that they stay up to date.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Error, embedded};

/// The SDK's crates, in the project.
const MEMBERS: [&str; 2] = ["crates/guest", "wit/twin"];

/// The crate that a plugin depends on.
const SDK: &str = "tollgate-guest";

/// The manifest of the workspace, from which the SDK's crates inherit.
pub(super) fn workspace() -> Result<String, Error> {
    let problem = |error: String| Error::new("Cargo.toml", error);
    let manifest: Table = embedded::text("Cargo.toml")?
        .parse()
        .map_err(|error: toml::de::Error| problem(error.to_string()))?;
    let whole = manifest.get("workspace").and_then(Value::as_table);
    let whole = whole.ok_or_else(|| problem("it has no workspace".to_owned()))?;
    let guest = embedded::text("rust/Cargo.toml")?;
    let used = |name: &str| guest.contains(&format!("{name}.workspace = true"));

    let mut workspace = Table::new();
    workspace.insert("members".to_owned(), MEMBERS.to_vec().into());
    for key in ["resolver", "package", "lints"] {
        if let Some(value) = whole.get(key) {
            workspace.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Value::Table(dependencies)) = whole.get("dependencies") {
        let used: Table = dependencies
            .iter()
            .filter(|(name, _)| used(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        workspace.insert("dependencies".to_owned(), used.into());
    }
    let mut manifest = Table::new();
    manifest.insert("workspace".to_owned(), workspace.into());
    toml::to_string(&manifest).map_err(|error| problem(error.to_string()))
}

/// The lock file of a plugin: the SDK's part of the repository's. Cargo adds the plugin itself.
pub(super) fn lock() -> Result<String, Error> {
    let mut blocks = embedded::text("Cargo.lock")?.split("[[package]]\n");
    let head = blocks.next().unwrap_or_default();
    let packages: Vec<Package> = blocks.map(Package::read).collect();
    let mut needed = BTreeSet::new();
    let mut open = vec![SDK.to_owned()];
    while let Some(wanted) = open.pop() {
        for (place, package) in packages.iter().enumerate() {
            if package.is(&wanted) && needed.insert(place) {
                open.extend(package.dependencies.iter().map(|&name| name.to_owned()));
            }
        }
    }
    if needed.is_empty() {
        return Err(Error::new("Cargo.lock", format!("`{SDK}` is not in it")));
    }
    let mut lock = head.to_owned();
    for package in needed.iter().filter_map(|&place| packages.get(place)) {
        lock.push_str("[[package]]\n");
        lock.push_str(package.text);
    }
    Ok(lock)
}

/// One package of a lock file.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    /// Names, with versions where a name has several.
    dependencies: Vec<&'a str>,
    text: &'a str,
}

impl<'a> Package<'a> {
    fn read(text: &'a str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim_matches('"')
        };
        let dependencies = text
            .lines()
            .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","))
            .collect();
        Self {
            name: value("name = "),
            version: value("version = "),
            dependencies,
            text,
        }
    }

    /// Whether a dependency refers to this package.
    fn is(&self, wanted: &str) -> bool {
        let mut words = wanted.split(' ');
        words.next() == Some(self.name)
            && words.next().is_none_or(|version| version == self.version)
    }
}
