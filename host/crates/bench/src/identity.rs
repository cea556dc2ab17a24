//! Which files were measured: their paths, sizes and digests.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tollgate_deploy::{cache::hex, models::Chosen};

use super::record::{File, Model};

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

/// Describes a file by its digest, reading it in pieces.
///
/// # Errors
///
/// It cannot be read.
pub fn file(path: &Path) -> Result<File, Error> {
    let unread = |source| Error {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::File::open(path).map_err(unread)?;
    let mut digest = Sha256::new();
    let bytes = io::copy(&mut file, &mut digest).map_err(unread)?;
    Ok(File {
        path: path.display().to_string(),
        bytes,
        sha256: hex(&digest.finalize()),
    })
}

/// Describes the files of models, without duplicates. Where variants are `compared`, each model says
/// which one it is.
///
/// # Errors
///
/// One cannot be read.
pub fn models<'a>(
    chosen: impl IntoIterator<Item = &'a Chosen>,
    compared: bool,
) -> Result<Vec<Model>, Error> {
    let mut seen = Vec::new();
    let mut models = Vec::new();
    for chosen in chosen {
        if seen.contains(&&chosen.file) {
            continue;
        }
        seen.push(&chosen.file);
        let named = compared || chosen.file.variant.is_some();
        models.push(Model {
            name: chosen.file.name.clone(),
            file: file(&chosen.file.path)?,
            variant: named.then(|| chosen.variant.clone()),
        });
    }
    Ok(models)
}
