//! The `producers` section, in which toolchains name themselves.

use serde::Serialize;
use wasmparser::{BinaryReader, ProducersSectionReader};

/// A language, tool or SDK that the file was made with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// The name.
    pub name: String,
    /// The version; empty if it is not given.
    pub version: String,
}

/// The entries of a section; none if the section cannot be read.
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
