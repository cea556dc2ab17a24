//! Bindings of the plugin world for C and C++: a header, a source, and an object file with the
//! types for the linker. They are generated here, so that users do not need the generator.

use std::{borrow::Cow, collections::BTreeMap};

use wit_bindgen_core::{
    Files,
    wit_parser::{Resolve, SourceMap},
};

use super::{Error, File, sdk};

/// The bindings, below `sdk/bindings`.
pub(super) fn files() -> Result<Vec<File>, Error> {
    let problem = |error: String| Error::new("interfaces", error);
    // A package is a folder with one file or several.
    let mut folders: BTreeMap<String, SourceMap> = BTreeMap::new();
    for (path, text) in sdk::interfaces()? {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let sources = folders.entry(folder.to_owned()).or_default();
        sources.push_str(&path, text);
    }
    let mut packages = Vec::new();
    for sources in folders.into_values() {
        let package = sources.parse();
        packages.push(package.map_err(|(sources, error)| problem(error.render(&sources)))?);
    }
    // The world's own package is at the top and thus first; it depends on the others.
    let mut packages = packages.into_iter();
    let world = packages
        .next()
        .ok_or_else(|| problem("there are none".to_owned()))?;
    let mut resolve = Resolve::default();
    let package = resolve
        .push_groups(world, packages.collect())
        .map_err(|error| problem(error.to_string()))?;
    let world = resolve
        .select_world(&[package], Some("sdk"))
        .map_err(|error| problem(error.to_string()))?;
    let mut generated = Files::default();
    let options = wit_bindgen_c::Opts {
        // The name that the SDK expects. The linker drops what a plugin does not call.
        rename_world: Some("plugin".to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    options
        .build()
        .generate(&mut resolve, world, &mut generated)
        .map_err(|error| problem(error.to_string()))?;
    Ok(generated
        .iter()
        .map(|(name, bytes)| File {
            path: format!("sdk/bindings/{name}"),
            bytes: Cow::Owned(bytes.to_vec()),
        })
        .collect())
}
