//! Writes the outputs of `tollgate run`: as lines, as one JSON object, or as files.
//!
//! Each output is written as it comes and then dropped, in the order of the frames as far as a
//! bounded buffer allows. So the memory of a run does not grow with its length. The JSON object
//! starts with the outputs and ends with the summary, however the run ends.

use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write},
    sync::Arc,
};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use tollgate_services::Output;

use crate::{egress, progress::Bar};
use tollgate_files::{content::is_text, outputs::OutDir, reorder::Reorder};
use tollgate_report::{Summary, terminal::JsonWriter};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.run/2";

/// The outputs of one frame; `None` if it failed.
type Made = Option<(u64, Arc<str>, Vec<Output>)>;

/// Writes the outputs of the first pass.
pub(super) struct Told {
    json: Option<JsonObject>,
    files: Option<OutDir>,
    order: Reorder<Made>,
}

/// One output in the JSON.
#[derive(Serialize)]
struct OutputLine<'a> {
    /// The frame's number, from zero.
    sequence: u64,
    /// The frame's name.
    source: &'a str,
    /// The output's name.
    name: &'a str,
    /// Its media type.
    content_type: &'a str,
    /// The number of bytes.
    bytes: usize,
    /// The contents as text; null if the media type is not text.
    text: Option<&'a str>,
    /// The bytes if they are not text; null if they are, or if they are in `file`.
    #[serde(serialize_with = "base64")]
    base64: Option<&'a [u8]>,
    /// The file's name in `--out-dir`.
    file: Option<&'a str>,
}

impl Told {
    pub(super) fn new(json: bool, files: Option<OutDir>) -> Self {
        Self {
            json: json.then(JsonObject::new),
            files,
            order: Reorder::default(),
        }
    }

    /// Takes a frame's outputs; `None` if it failed.
    pub(super) fn take(
        &mut self,
        sequence: u64,
        source: &Arc<str>,
        outputs: Option<Vec<Output>>,
        bar: &Bar,
    ) -> anyhow::Result<()> {
        let bytes = outputs.iter().flatten().map(|output| output.data.len());
        let bytes = bytes.sum();
        let made = outputs.map(|outputs| (sequence, Arc::clone(source), outputs));
        for made in self.order.push(sequence, made, bytes) {
            self.tell(made, bar)?;
        }
        Ok(())
    }

    /// Writes what is still buffered; no more frames come.
    pub(super) fn end(&mut self, bar: &Bar) -> anyhow::Result<()> {
        let rest: Vec<Made> = self.order.drain().collect();
        rest.into_iter().try_for_each(|made| self.tell(made, bar))
    }

    /// Completes the JSON object, if there is one.
    pub(super) fn summary(self, summary: &Summary) -> io::Result<bool> {
        let Some(object) = self.json else {
            return Ok(false);
        };
        object.end(summary)?;
        Ok(true)
    }

    fn tell(&mut self, made: Made, bar: &Bar) -> anyhow::Result<()> {
        let Some((sequence, source, outputs)) = made else {
            return Ok(());
        };
        for output in &outputs {
            let file = self.files.as_mut();
            let file = file.map(|files| files.write(&source, output)).transpose()?;
            let file = file.as_deref();
            let Some(object) = &mut self.json else {
                let line = egress::line(&source, output, file);
                bar.aside(|| egress::print_line(&line))?;
                continue;
            };
            let text = std::str::from_utf8(&output.data).ok();
            let text = text.filter(|_| is_text(output));
            object.add(&OutputLine {
                sequence,
                source: &source,
                name: &output.name,
                content_type: &output.content_type,
                bytes: output.data.len(),
                text,
                base64: (text.is_none() && file.is_none()).then_some(&output.data),
                file,
            })?;
        }
        Ok(())
    }
}

fn base64<S: Serializer>(bytes: &Option<&[u8]>, to: S) -> Result<S::Ok, S::Error> {
    match bytes {
        // Encoded in pieces, so that the whole text is never in memory.
        Some(bytes) => to.collect_str(&encoded(bytes)),
        None => to.serialize_none(),
    }
}

fn encoded(bytes: &[u8]) -> impl Display {
    Base64Display::new(bytes, &STANDARD)
}

/// The JSON object on standard output, written in parts.
struct JsonObject {
    out: BufWriter<Stdout>,
    outputs: u64,
}

impl JsonObject {
    fn new() -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            outputs: 0,
        }
    }

    fn add(&mut self, output: &OutputLine<'_>) -> io::Result<()> {
        self.begin()?;
        let comma = if self.outputs > 0 { "," } else { "" };
        write!(self.out, "{comma}\n    ")?;
        serde_json::to_writer(JsonWriter(&mut self.out), output)?;
        self.outputs += 1;
        self.out.flush()
    }

    /// Writes the beginning, before the first output and not earlier.
    fn begin(&mut self) -> io::Result<()> {
        if self.outputs == 0 {
            write!(
                self.out,
                "{{\n  \"schema\": \"{SCHEMA}\",\n  \"outputs\": ["
            )?;
        }
        Ok(())
    }

    fn end(mut self, summary: &Summary) -> io::Result<()> {
        self.begin()?;
        let close = if self.outputs > 0 { "\n  ]," } else { "]," };
        self.out.write_all(close.as_bytes())?;
        let summary = serde_json::to_string_pretty(summary)?;
        // The summary's fields follow the outputs in the same object.
        let fields = summary.strip_prefix('{').unwrap_or(&summary);
        JsonWriter(&mut self.out).write_all(fields.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}
