//! Processor packages, as Linux lists them under powercap (for Intel and AMD alike).
//!
//! A zone is a folder with a name and a counter in microjoules. Only packages are added up. Cores
//! and graphics are parts of a package, and `psys` is the whole board, which includes the packages.
//! Intel laptops list a package a second time under `intel-rapl-mmio`, so each name is counted
//! once.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::Error;

/// Where Linux lists the zones.
pub const ROOT: &str = "/sys/class/powercap";

/// How the names of packages begin: `package-0`, `package-0-die-1`.
const PACKAGE: &str = "package";

/// One processor package.
#[derive(Debug)]
pub(super) struct Package {
    /// The kernel's name for it.
    pub(super) name: String,
    counter: PathBuf,
    /// The value at which the counter wraps, in microjoules.
    range_uj: u64,
}

/// The packages below `root`, ordered by name. Each is read once to see whether it can be. The list
/// is empty where there are no packages. One that cannot be read is an error, since a sum without
/// it would be wrong.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>, Error> {
    let mut zones: Vec<PathBuf> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|zone| Some(zone.ok()?.path()))
        .collect();
    // The register is preferred to its copy in memory.
    zones.sort_by_key(|zone| (zone.to_string_lossy().contains("mmio"), zone.clone()));
    let mut packages = BTreeMap::new();
    for zone in zones {
        let Ok(name) = fs::read_to_string(zone.join("name")) else {
            continue;
        };
        let name = name.trim();
        if !name.starts_with(PACKAGE) || packages.contains_key(name) {
            continue;
        }
        let package = Package {
            name: name.to_owned(),
            counter: zone.join("energy_uj"),
            range_uj: number(&zone.join("max_energy_range_uj"))?,
        };
        package.read()?;
        packages.insert(name.to_owned(), package);
    }
    Ok(packages.into_values().collect())
}

impl Package {
    /// Reads the counter, in microjoules.
    pub(super) fn read(&self) -> Result<u64, Error> {
        number(&self.counter)
    }

    /// Energy used between two readings, in microjoules, if the counter wrapped at most once.
    pub(super) fn used(&self, before: u64, after: u64) -> u64 {
        after
            .checked_sub(before)
            .unwrap_or_else(|| self.range_uj.saturating_sub(before).saturating_add(after))
    }
}

fn number(path: &Path) -> Result<u64, Error> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => Error::Denied {
            path: path.to_owned(),
        },
        _ => Error::Read {
            path: path.to_owned(),
            source,
        },
    })?;
    text.trim().parse().map_err(|_| Error::Number {
        path: path.to_owned(),
        found: text.trim().chars().take(40).collect(),
    })
}
