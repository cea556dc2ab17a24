//! Which files of a crate use which others, read from their `use` lines and paths: enough to find circles.
//!
//! Comments and a file's own tests do not count. A name that a module hands on from another one counts as
//! the other one's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// For each file of a crate, by its module's path (`run/value`), the files that it uses.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// All Rust files below a folder, without templates, which are written for users and not compiled here.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("templates") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file's text without its comments and without the tests at its end.
pub fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let text = text.split("\nmod tests").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The uses within the crate whose sources lie in a folder.
pub fn uses(folder: &Path) -> Uses {
    let files: BTreeMap<String, String> = sources(folder)
        .iter()
        .map(|path| (module(folder, path), code(path)))
        .filter(|(module, _)| !module.ends_with("/tests"))
        .collect();
    let crates = Crate {
        exports: exports(&files),
        files: &files,
    };
    let of = |(module, text): (&String, &String)| {
        let used = paths(text)
            .into_iter()
            .filter_map(|path| crates.resolve(module, &path));
        let used = used.filter(|used| used != module && !used.is_empty());
        (module.clone(), used.collect())
    };
    files
        .iter()
        .filter(|(module, _)| !module.is_empty())
        .map(of)
        .collect()
}

/// Groups of files each of which uses all others of its group, through others or itself.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = uses.get(from).into_iter().flatten().collect();
        while let Some(one) = next.pop() {
            if seen.insert(one.clone()) {
                next.extend(uses.get(one).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|one| (one, reach(one))).collect();
    let group = |one: &String| -> BTreeSet<String> {
        let from = |other: &&String| reached.get(other).is_some_and(|seen| seen.contains(one));
        reached[one].iter().filter(from).cloned().collect()
    };
    let groups: BTreeSet<BTreeSet<String>> = uses.keys().map(group).collect();
    groups.into_iter().filter(|group| group.len() > 1).collect()
}

fn module(folder: &Path, path: &Path) -> String {
    let path = path.strip_prefix(folder).expect("a source of the folder");
    let name = path.with_extension("").to_string_lossy().into_owned();
    match name.as_str() {
        "lib" | "main" => String::new(),
        name => name.strip_suffix("/mod").unwrap_or(name).to_owned(),
    }
}

struct Crate<'a> {
    files: &'a BTreeMap<String, String>,
    /// For a module and a name that it hands on, the module that has it.
    exports: BTreeMap<(String, String), String>,
}

impl Crate<'_> {
    /// The file that a path means, as it stands in a module.
    fn resolve(&self, module: &str, path: &[String]) -> Option<String> {
        let mut rest = path.iter().map(String::as_str).peekable();
        let mut at = match rest.next()? {
            "crate" => String::new(),
            "self" => module.to_owned(),
            "super" => parent(module),
            _ => return None,
        };
        while rest.next_if_eq(&"super").is_some() {
            at = parent(&at);
        }
        for name in rest {
            let inner = inside(&at, name);
            if self.files.contains_key(&inner) {
                at = inner;
                continue;
            }
            let handed_on = self.exports.get(&(at.clone(), name.to_owned()));
            return Some(handed_on.cloned().unwrap_or(at));
        }
        Some(at)
    }
}

fn parent(module: &str) -> String {
    module
        .rsplit_once('/')
        .map(|(parent, _)| parent.to_owned())
        .unwrap_or_default()
}

fn inside(module: &str, name: &str) -> String {
    if module.is_empty() {
        name.to_owned()
    } else {
        format!("{module}/{name}")
    }
}

fn exports(files: &BTreeMap<String, String>) -> BTreeMap<(String, String), String> {
    let mut exports = BTreeMap::new();
    for (module, text) in files {
        for line in statements(text, "use ").filter(|(before, _)| {
            before.trim_end().ends_with("pub") || before.trim_end().ends_with(')')
        }) {
            for path in expand(line.1) {
                let (Some(name), true) = (path.last(), path.len() > 1) else {
                    continue;
                };
                let mut at = match path[0].as_str() {
                    "crate" => String::new(),
                    "super" => parent(module),
                    "self" => module.clone(),
                    first => inside(module, first),
                };
                let middle = &path[1..path.len() - 1];
                for part in middle {
                    at = inside(&at, part);
                }
                if files.contains_key(&at) {
                    exports.insert((module.clone(), name.clone()), at);
                }
            }
        }
    }
    exports
}

/// The paths of a text that begin with `crate`, `self` or `super`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let imported = statements(text, "use ").flat_map(|(_, body)| expand(body));
    let mut found: Vec<Vec<String>> = imported.collect();
    for first in ["crate::", "super::"] {
        for (place, _) in text.match_indices(first) {
            let path: String = text[place..]
                .chars()
                .take_while(|one| one.is_alphanumeric() || matches!(one, '_' | ':'))
                .collect();
            found.push(
                path.split("::")
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
            );
        }
    }
    found
}

/// What stands between a word and the next semicolon, each with the line before the word.
fn statements<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(word).filter_map(move |(place, _)| {
        let before = text[..place].rsplit('\n').next().unwrap_or_default();
        let own = before.trim().is_empty() || before.trim_start().starts_with("pub");
        let body = text[place + word.len()..].split(';').next()?;
        own.then_some((before, body))
    })
}

/// The single paths of a `use`.
fn expand(body: &str) -> Vec<Vec<String>> {
    let body = body.trim();
    let Some((prefix, group)) = body.split_once('{') else {
        let path = body.split(" as ").next().unwrap_or_default();
        let parts = path.split("::").map(str::trim);
        let parts = parts.filter(|part| !part.is_empty() && *part != "*");
        let mut parts: Vec<String> = parts.map(str::to_owned).collect();
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        return vec![parts];
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let mut items = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (place, one) in group.char_indices() {
        match one {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    items.push(&group[begin..]);
    let items = items.into_iter().filter(|item| !item.trim().is_empty());
    items
        .flat_map(|item| expand(&format!("{prefix}{}", item.trim())))
        .collect()
}
