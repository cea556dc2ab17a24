//! What a plugin should say of frames, and how often it does.
//!
//! The file is JSON. Its `frames` is an object whose keys are the frames' names, with or without
//! extension, and whose values are objects with the fields that an output should have. Its `compare`
//! says which of the fields count, and how; without it all of them do, exactly. Instead of an object
//! there may be the value of the only field of `compare`, or of the field `reading` where there is
//! no `compare`. A file without `compare` may be the object of the frames itself.
//!
//! A field is taken from the first output that is JSON and has it. A value that did not come counts
//! as wrong, and so do all values of a frame that failed.

mod compare;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;
use tollgate_services::Output;

use self::compare::{Rule, kind};

/// The field that a value alone is of, in a file without `compare`.
const DEFAULT_FIELD: &str = "reading";

/// Why there is no truth.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the true values in `{}`", path.display())]
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
    /// The file is JSON, but has no true values.
    #[error(
        "`{}` holds no true values: {reason}; expected a JSON object of file names and values, such as \
         {{\"frames\": {{\"a.jpg\": {{\"count\": 3}}}}}}",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file's `compare` says what cannot be done.
    #[error("`{}` cannot be compared with: `compare`{reason}", path.display())]
    Compare {
        /// The file.
        path: PathBuf,
        /// Where it is and what is wrong with it.
        reason: String,
    },
    /// What the file says of a frame does not fit its `compare`.
    #[error("`{}` cannot be compared with: the frame `{name}` {reason}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// The frame's name in the file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is about other frames.
    #[error("`{}` names none of the frames, such as `{name}`: give the true values of these frames, or none", path.display())]
    OtherFrames {
        /// The file.
        path: PathBuf,
        /// One of the frames.
        name: String,
    },
}

/// The file, if it is not the object of the frames itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What its maker numbers its form by.
    #[serde(rename = "schema")]
    _schema: Option<IgnoredAny>,
    compare: Option<BTreeMap<String, Value>>,
    frames: BTreeMap<String, Value>,
}

/// What the outputs should say, by the frames' names.
#[derive(Debug, Default)]
pub struct Truth {
    /// The fields that count; all where there is none.
    rules: Option<BTreeMap<String, Rule>>,
    frames: BTreeMap<String, Vec<Field>>,
}

/// One field that an output should have.
#[derive(Debug)]
struct Field {
    name: String,
    value: Value,
}

impl Truth {
    /// What a file says, for frames of these names; its path is for messages.
    ///
    /// # Errors
    ///
    /// It is not such a file, contradicts itself, or names none of the frames.
    pub fn parse<'a>(
        path: &Path,
        text: &str,
        mut names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let path = || path.to_owned();
        let json = serde_json::from_str(text).map_err(|source| Error::Json {
            path: path(),
            source,
        })?;
        let file = file(json).map_err(|reason| Error::Shape {
            path: path(),
            reason,
        })?;
        let rules = file.compare.map(rules).transpose();
        let rules = rules.map_err(|reason| Error::Compare {
            path: path(),
            reason,
        })?;
        let mut truth = Self {
            rules,
            frames: BTreeMap::new(),
        };
        for (name, entry) in file.frames {
            match truth.fields(entry) {
                Ok(fields) => truth.frames.insert(name, fields),
                Err(reason) => {
                    return Err(Error::Frame {
                        path: path(),
                        name,
                        reason,
                    });
                }
            };
        }
        let mut first = None;
        let known = names.any(|name| {
            first.get_or_insert(name);
            truth.expected(name).is_some()
        });
        match first {
            Some(name) if !known => Err(Error::OtherFrames {
                path: path(),
                name: name.to_owned(),
            }),
            _ => Ok(truth),
        }
    }

    /// The fields of an entry that count, or what is wrong with it.
    fn fields(&self, entry: Value) -> Result<Vec<Field>, String> {
        let fields: Vec<_> = match (&self.rules, entry) {
            (_, Value::Null) => {
                return Err("is null: expected an object, or a value alone".to_owned());
            }
            (None, Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| Field { name, value })
                .collect(),
            (None, value) => vec![Field {
                name: DEFAULT_FIELD.to_owned(),
                value,
            }],
            (Some(rules), entry @ Value::Object(_)) => rules
                .keys()
                .filter_map(|name| {
                    // A field that a pointer leads to may also stand under the pointer itself.
                    let value = entry.get(name).or_else(|| find(&entry, name))?;
                    Some(Field {
                        name: name.clone(),
                        value: value.clone(),
                    })
                })
                .collect(),
            (Some(rules), value) => match (rules.keys().next(), rules.len()) {
                (Some(only), 1) => vec![Field {
                    name: only.clone(),
                    value,
                }],
                _ => {
                    return Err(format!(
                        "is {}, which may be any field of `compare`: expected an object with {}",
                        kind(&value),
                        listed(rules)
                    ));
                }
            },
        };
        if fields.is_empty() {
            return Err(match &self.rules {
                None => "is an object without fields: expected one at least".to_owned(),
                Some(rules) => format!("has no field of `compare`: expected {}", listed(rules)),
            });
        }
        for Field { name, value } in &fields {
            self.rule(name)
                .check(value)
                .map_err(|reason| format!("has a `{name}` that {reason}"))?;
        }
        Ok(fields)
    }

    /// How a field is compared.
    fn rule(&self, field: &str) -> &Rule {
        let rule = self.rules.as_ref().and_then(|rules| rules.get(field));
        rule.unwrap_or(&Rule::EXACTLY)
    }

    /// What the frame with this name should give.
    fn expected(&self, name: &str) -> Option<&[Field]> {
        let stem = || Path::new(name).file_stem()?.to_str();
        let frame = self.frames.get(name);
        frame
            .or_else(|| self.frames.get(stem()?))
            .map(Vec::as_slice)
    }

    /// Adds one frame to the score; `outputs` is `None` if the frame failed.
    pub fn score(&self, name: &str, outputs: Option<&[Output]>, score: &mut Score) {
        let Some(expected) = self.expected(name) else {
            return;
        };
        let outputs = outputs.unwrap_or_default().iter();
        let outputs: Vec<(&str, Value)> = outputs
            .filter_map(|output| {
                let value = serde_json::from_slice(&output.data).ok()?;
                Some((output.name.as_str(), value))
            })
            .collect();
        let mut whole = true;
        for field in expected {
            let rule = self.rule(&field.name);
            let came = outputs
                .iter()
                .filter(|(name, _)| rule.is_for(name))
                .find_map(|(_, value)| find(value, &field.name));
            let compared = rule.compare(&field.value, came);
            score.values_right += compared.right;
            score.values += compared.values;
            whole &= compared.whole;
        }
        score.frames_right += usize::from(whole);
        score.frames += 1;
    }
}

/// Counts of right values and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Values that were right.
    #[serde(alias = "digits_right")]
    pub values_right: usize,
    /// All values that were known: a field, or each position of one that is compared by position.
    #[serde(alias = "digits")]
    pub values: usize,
    /// Frames of which all values were right, and no more of them came.
    #[serde(alias = "readings_right")]
    pub frames_right: usize,
    /// All frames with known values.
    #[serde(alias = "readings")]
    pub frames: usize,
}

/// The parts of a file, or what is wrong with it.
fn file(json: Value) -> Result<File, String> {
    match json {
        Value::Object(fields)
            if fields.contains_key("frames") || fields.contains_key("compare") =>
        {
            serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
        }
        Value::Object(frames) => Ok(File {
            _schema: None,
            compare: None,
            frames: frames.into_iter().collect(),
        }),
        other => Err(format!("it is {}", kind(&other))),
    }
}

/// The rules of `compare`, or where it is wrong and how.
fn rules(written: BTreeMap<String, Value>) -> Result<BTreeMap<String, Rule>, String> {
    if written.is_empty() {
        return Err(" names no field".to_owned());
    }
    let rules = written.into_iter().map(|(field, rule)| {
        let rule = serde_json::from_value(rule);
        let rule = rule.map_err(|error| format!(" of `{field}`: {error}"))?;
        Ok((field, rule))
    });
    rules.collect()
}

/// A field of an output: what a JSON pointer leads to, or a field of the outermost object.
fn find<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    if field.starts_with('/') {
        value.pointer(field)
    } else {
        value.get(field)
    }
}

/// The names of fields, for a message.
fn listed(rules: &BTreeMap<String, Rule>) -> String {
    let names: Vec<_> = rules.keys().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests;
