//! Where the outputs of `tollgate run` go: lines, one JSON object, files.
//!
//! Each is written as it comes and let go, in the order of the frames as far as a bounded buffer allows,
//! so that a run of any length takes the memory of the frames in flight. The JSON object is begun with
//! its outputs and ended with the summary, whatever ended the run.

use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write},
    sync::Arc,
};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use tollgate_runtime::Output;

use crate::{
    egress::{self, outputs::OutDir, reorder::Reorder},
    progress::Bar,
};
use tollgate_report::{Summary, terminal::JsonWriter};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.run/1";

/// The outputs of one frame; none where it failed.
type Made = Option<(u64, Arc<str>, Vec<Output>)>;

/// The outputs of the first pass on their way out.
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
    /// How many bytes it has.
    bytes: usize,
    /// What they say; null where its type is not text.
    text: Option<&'a str>,
    /// The bytes where they are no text; null where they are, or are in `file`.
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

    /// Takes what a frame made; none where it failed.
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

    /// No more frames come.
    pub(super) fn end(&mut self, bar: &Bar) -> anyhow::Result<()> {
        let rest: Vec<Made> = self.order.drain().collect();
        rest.into_iter().try_for_each(|made| self.tell(made, bar))
    }

    /// Ends the JSON object, where there is one.
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
            let text = text.filter(|_| egress::is_text(output));
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
        // Piece by piece, never the whole text at once.
        Some(bytes) => to.collect_str(&encoded(bytes)),
        None => to.serialize_none(),
    }
}

fn encoded(bytes: &[u8]) -> impl Display {
    Base64Display::new(bytes, &STANDARD)
}

/// The object on standard output, written from its beginning to its end.
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

    /// Before the first output, and not before there is something to say.
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
        // Its fields go on where the outputs ended.
        let fields = summary.strip_prefix('{').unwrap_or(&summary);
        JsonWriter(&mut self.out).write_all(fields.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}
