//! Where a model comes from, and what its bytes are refused for before or after ONNX Runtime sees them.

use std::{borrow::Cow, io::Read, path::Path};

use tollgate_onnx::{self as onnx, Reference, apart::Findings};

use crate::Error;

/// Where a model comes from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// A file that the user chose. Weights in files beside it are loaded too.
    File(&'a Path),
    /// Bytes, which may come from a guest.
    Bytes(&'a [u8]),
}

/// The most bytes of a refused file that are read to find out what it is.
const NO_MODEL: u64 = 64 << 20;

/// The most bytes of a model whose graph is examined before it is loaded. One run of a larger model takes so
/// long that merging saves nothing.
const LOOKED_AT: usize = 1 << 30;

/// The most bytes of a model: protobuf's own bound.
const PROTOBUF: u64 = i32::MAX as u64;

impl<'a> Source<'a> {
    /// What it is, if it is known not to be an ONNX model; called after it was refused.
    pub(crate) fn is_no_model(self) -> Option<String> {
        let mut read = Vec::new();
        let bytes = match self {
            Source::Bytes(bytes) => bytes,
            Source::File(path) => {
                let file = std::fs::File::open(path).ok()?;
                file.take(NO_MODEL).read_to_end(&mut read).ok()?;
                &read
            }
        };
        if let Some(known) = onnx::well_known(bytes.get(..onnx::HEAD).unwrap_or(bytes)) {
            return Some(known.to_owned());
        }
        let whole = (bytes.len() as u64) < NO_MODEL;
        (whole && onnx::has_no_graph(bytes)).then(|| {
            "there is no ONNX graph in it: a model of TensorFlow (`.pb`) or Core ML is converted with \
             the tools of its maker or `tf2onnx`"
                .to_owned()
        })
    }

    /// Whether ONNX Runtime reads it in its own format. It knows such files by their name; bytes in this
    /// format are refused before.
    fn is_ort_format(self) -> bool {
        match self {
            Source::File(path) => path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("ort")),
            Source::Bytes(_) => false,
        }
    }

    /// The model's bytes; if they cannot be read, why not.
    pub fn read(self) -> Result<Cow<'a, [u8]>, String> {
        let path = match self {
            Source::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Source::File(path) => path,
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.len() > PROTOBUF => {
                Err(format!("its file has more than {PROTOBUF} bytes"))
            }
            _ => std::fs::read(path)
                .map(Cow::Owned)
                .map_err(|error| error.to_string()),
        }
    }
}

/// What can be known of a model's runs from its graph.
pub fn findings(read: &Result<Cow<'_, [u8]>, String>) -> Findings {
    match read {
        Ok(bytes) if bytes.len() > LOOKED_AT => {
            Findings::none(format!("it has more than {LOOKED_AT} bytes"))
        }
        Ok(bytes) => Findings::of(bytes),
        Err(reason) => Findings::none(reason.clone()),
    }
}

/// Refuses a model whose outputs would contain what an earlier run left in memory.
///
/// # Errors
///
/// If an operator's body has an output that is not written, or the bytes cannot be read to the end.
pub fn refuse_unwritten(
    graph: &str,
    source: Source<'_>,
    read: &Result<Cow<'_, [u8]>, String>,
) -> Result<(), Error> {
    let graph = graph.to_owned();
    match read {
        _ if source.is_ort_format() => Ok(()),
        Ok(bytes) => match onnx::unwritten(bytes) {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(Error::Unsupported {
                graph,
                reason: found.to_string(),
            }),
            Err(_) => Err(Error::Encoding {
                graph,
                reason: onnx::not_a_model(bytes),
            }),
        },
        // ONNX Runtime cannot read it either.
        Err(_) => Ok(()),
    }
}

/// Refuses bytes that would make ONNX Runtime do more than read them.
pub(crate) fn refuse_unsafe(graph: &str, bytes: &[u8]) -> Result<(), Error> {
    let graph = graph.to_owned();
    if onnx::is_ort_format(bytes) {
        return Err(Error::Encoding {
            graph,
            reason: "it is in ONNX Runtime's own format; expected ONNX".to_owned(),
        });
    }
    match onnx::references(bytes) {
        Ok(None) => Ok(()),
        Ok(Some(Reference::Weights)) => Err(Error::Unsupported {
            graph,
            reason: "it keeps weights in other files, which a model loaded from bytes may not; \
                     save it as one file"
                .to_owned(),
        }),
        Ok(Some(Reference::Compiled)) => Err(Error::Unsupported {
            graph,
            reason: "it may name a compiled model in another file (`EPContext`), which a model \
                     loaded from bytes may not; hand over the model that it was compiled from"
                .to_owned(),
        }),
        Err(_) => Err(Error::Encoding {
            graph,
            reason: onnx::not_a_model(bytes),
        }),
    }
}
