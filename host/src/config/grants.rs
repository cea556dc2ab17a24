//! Resolves the grants for configuration, log and buckets.

use std::collections::BTreeSet;

use super::Error;
use crate::cli::GrantArgs;
use tollgate_deploy::settings::Settings;

/// The settings with the given grants, after a check for duplicates.
pub(crate) fn granting(typed: &GrantArgs, settings: Settings) -> Result<Settings, Error> {
    let config = typed.config.iter().map(|one| &one.key);
    let keyvalue = typed.keyvalue.iter().map(|one| &one.name);
    for names in [config.collect::<Vec<_>>(), keyvalue.collect()] {
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(*name)) {
            return Err(Error::GivenTwice(twice.clone()));
        }
    }
    Ok(Settings {
        config: typed.config.clone(),
        logging: typed.logging,
        keyvalue: typed.keyvalue.clone(),
        ..settings
    })
}
