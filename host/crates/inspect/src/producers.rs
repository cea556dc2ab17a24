//! The `producers` section, in which toolchains say what they are.

use serde::Serialize;
use wasmparser::{BinaryReader, ProducersSectionReader};

/// One thing that had a hand in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version; empty where it did not say.
    pub version: String,
}

/// All producers of one section; a section that cannot be read says nothing.
pub(super) fn read(data: &[u8]) -> Vec<Producer> {
    let Ok(fields) = ProducersSectionReader::new(BinaryReader::new(data, 0)) else {
        return Vec::new();
    };
    let mut producers = Vec::new();
    for field in fields.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            producers.push(Producer {
                role: field.name.to_owned(),
                name: value.name.to_owned(),
                version: value.version.to_owned(),
            });
        }
    }
    producers
}
