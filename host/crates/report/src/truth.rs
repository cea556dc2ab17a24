//! The true readings of frames, and how many of them a plugin got right.
//!
//! The file is JSON: an object whose keys are the frames' names, with or without extension. Each
//! value is the reading as text, or an object with a `reading`. The object may also be the field
//! `frames` of another one. A plugin's reading is the field `reading` of its first output that is a
//! JSON object with one. Digits are compared position by position. A missing digit counts as wrong,
//! and so do all digits of a frame that failed.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tollgate_services::Output;

/// Why there is no truth.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the true readings in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not JSON.
    #[error("`{}` is not JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's message, with the place.
        source: serde_json::Error,
    },
    /// The file is JSON, but has no true readings.
    #[error("`{}` holds no true readings: expected a JSON object of file names and readings, such as {{\"a.jpg\": \"01234\"}}", .0.display())]
    Shape(PathBuf),
    /// The file is about other frames.
    #[error("`{}` names none of the frames, such as `{name}`: give the true readings of these frames, or none", path.display())]
    OtherFrames {
        /// The file.
        path: PathBuf,
        /// One of the frames.
        name: String,
    },
}

/// The file: only entries, or an object with the entries in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Nested { frames: BTreeMap<String, Entry> },
    Flat(BTreeMap<String, Entry>),
}

/// One entry of the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Record { reading: String },
}

/// The true readings, by the frames' names.
#[derive(Debug, Default)]
pub struct Truth {
    readings: BTreeMap<String, String>,
}

impl Truth {
    /// What a file says, for frames of these names; its path is for messages.
    ///
    /// # Errors
    ///
    /// It is not such a file, or names none of the frames.
    pub fn parse<'a>(
        path: &Path,
        text: &str,
        mut names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let path_buf = || path.to_owned();
        let json: serde_json::Value = serde_json::from_str(text).map_err(|source| Error::Json {
            path: path_buf(),
            source,
        })?;
        let (File::Nested { frames: entries } | File::Flat(entries)) =
            serde_json::from_value(json).map_err(|_| Error::Shape(path_buf()))?;
        let readings = entries.into_iter().map(|(name, entry)| match entry {
            Entry::Text(reading) | Entry::Record { reading } => (name, reading),
        });
        let truth = Self {
            readings: readings.collect(),
        };
        let mut first = None;
        let known = names.any(|name| {
            first.get_or_insert(name);
            truth.expected(name).is_some()
        });
        match first {
            Some(name) if !known => Err(Error::OtherFrames {
                path: path_buf(),
                name: name.to_owned(),
            }),
            _ => Ok(truth),
        }
    }

    /// The true reading of the frame with this name.
    fn expected(&self, name: &str) -> Option<&String> {
        let stem = || Path::new(name).file_stem()?.to_str();
        self.readings
            .get(name)
            .or_else(|| self.readings.get(stem()?))
    }

    /// Adds one frame to the score; `outputs` is `None` if the frame failed.
    pub fn score(&self, name: &str, outputs: Option<&[Output]>, score: &mut Score) {
        let Some(expected) = self.expected(name) else {
            return;
        };
        let came = outputs.and_then(reading).unwrap_or_default();
        let right = expected.chars().zip(came.chars()).filter(|(a, b)| a == b);
        score.digits_right += right.count();
        score.digits += expected.chars().count();
        score.readings_right += usize::from(came == *expected);
        score.readings += 1;
    }
}

/// Counts of right digits and readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Digits that were right.
    pub digits_right: usize,
    /// All digits.
    pub digits: usize,
    /// Readings that were completely right.
    pub readings_right: usize,
    /// All readings.
    pub readings: usize,
}

/// The reading in a plugin's outputs.
fn reading(outputs: &[Output]) -> Option<String> {
    outputs.iter().find_map(|output| {
        let value: serde_json::Value = serde_json::from_slice(&output.data).ok()?;
        Some(value.get("reading")?.as_str()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(data: &str) -> Output {
        Output {
            name: "reading".into(),
            content_type: "application/json".into(),
            data: data.as_bytes().to_vec(),
        }
    }

    fn read(text: &str, names: &[&str]) -> Result<Truth, Error> {
        Truth::parse(Path::new("truth.json"), text, names.iter().copied())
    }

    #[test]
    fn digits_and_readings_are_counted() {
        let truth = read(
            r#"{"a": "01234", "b": {"reading": "99999", "more": 1}, "c": "5"}"#,
            &["a"],
        );
        let (truth, mut score) = (truth.unwrap(), Score::default());
        truth.score(
            "a",
            Some(&[output("text"), output(r#"{"reading":"01234"}"#)]),
            &mut score,
        );
        truth.score("b", Some(&[output(r#"{"reading":"9989"}"#)]), &mut score);
        truth.score("c", None, &mut score);
        truth.score("unknown", Some(&[]), &mut score);
        let expected = Score {
            digits_right: 5 + 3,
            digits: 5 + 5 + 1,
            readings_right: 1,
            readings: 3,
        };
        assert_eq!(score, expected);
    }

    #[test]
    fn names_may_lack_their_extension_and_stand_below_frames() {
        let text = r#"{"schema": 1, "frames": {"a": {"reading": "1"}, "b.pgm": "2"}}"#;
        let (truth, mut score) = (read(text, &["a.jpg"]).unwrap(), Score::default());
        truth.score("a.jpg", Some(&[output(r#"{"reading":"1"}"#)]), &mut score);
        truth.score("b.pgm", Some(&[output(r#"{"reading":"2"}"#)]), &mut score);
        truth.score("b.jpg", None, &mut score);
        assert_eq!((score.readings_right, score.readings), (2, 2));
    }

    #[test]
    fn another_file_is_refused() {
        assert!(
            read("[]", &["a"])
                .unwrap_err()
                .to_string()
                .contains("JSON object")
        );
        assert!(
            read("{\"a\": 1}", &["a"])
                .unwrap_err()
                .to_string()
                .contains("JSON object")
        );
        assert!(
            read("{\"b\": \"1\"}", &["a"])
                .unwrap_err()
                .to_string()
                .contains("such as `a`")
        );
        assert!(
            read("{", &["a"])
                .unwrap_err()
                .to_string()
                .contains("is not JSON")
        );
    }
}
