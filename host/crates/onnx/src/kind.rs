//! Says what bytes are that are not an ONNX model that can be used, and what to do about it.
//!
//! It looks at how files of well-known kinds begin, and at what ONNX Runtime says of versions. It reads
//! nothing else, and decides nothing: it is asked once a model was refused.

use super::wire::Fields;

/// Bytes that are enough to tell a kind of file.
pub const HEAD: usize = 1024;

/// Whether bytes are well known not to be an ONNX model; what they are instead. Their beginning is
/// enough, unless they are few.
pub fn well_known(head: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 17] = [
        (
            b"version https://git-lfs.github.com/",
            "it is a Git LFS pointer, which stands for the model: get the model itself with `git lfs pull`",
        ),
        (b"\x1f\x8b", "it is compressed with gzip: unpack it"),
        (b"\xfd7zXZ\0", "it is compressed with xz: unpack it"),
        (b"BZh", "it is compressed with bzip2: unpack it"),
        (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it"),
        (
            b"\x89HDF\r\n\x1a\n",
            "it is an HDF5 file, as Keras writes: convert the model with `tf2onnx`",
        ),
        (b"\x93NUMPY", "it is a NumPy array; expected an ONNX model"),
        (
            b"GGUF",
            "it is a GGUF file, weights without a graph: export the model to ONNX",
        ),
        (b"\0asm", "it is WebAssembly; expected an ONNX model"),
        (
            b"\x7fELF",
            "it is a program or library; expected an ONNX model",
        ),
        (b"\x89PNG", "it is a picture; expected an ONNX model"),
        (b"\xff\xd8\xff", "it is a picture; expected an ONNX model"),
        (b"%PDF", "it is a PDF; expected an ONNX model"),
        (
            b"\x80\x02",
            "it is a Python pickle, as PyTorch and scikit-learn write: export the model to ONNX",
        ),
        (
            b"\x80\x04\x95",
            "it is a Python pickle, as PyTorch and scikit-learn write: export the model to ONNX",
        ),
        (
            b"\x80\x05\x95",
            "it is a Python pickle, as PyTorch and scikit-learn write: export the model to ONNX",
        ),
    ];
    if head.is_empty() {
        return Some("it is empty: expected an ONNX model");
    }
    let known = BEGINNINGS.iter().find(|(begin, _)| head.starts_with(begin));
    if let Some((_, what)) = known {
        return Some(what);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(if find(head, b"data.pkl") || find(head, b"/version") {
            "it is a PyTorch file: export the model with `torch.onnx.export`"
        } else {
            "it is a zip archive: unpack it; where PyTorch or Keras wrote it, export the model to ONNX"
        });
    }
    match head.get(4..8) {
        Some(b"TFL3") => return Some("it is a TensorFlow Lite model: convert it with `tf2onnx`"),
        Some(b"ORTM") => return None,
        _ => {}
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("it is a tar archive: unpack it");
    }
    if is_safetensors(head) {
        return Some("it is a safetensors file, weights without a graph: export the model to ONNX");
    }
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let lower = text.to_ascii_lowercase();
    if text.starts_with(b"<") {
        return Some(
            if lower.starts_with(b"<!doctype html") || find(&lower, b"<html") {
                "it is a web page: get the file itself, and not the page about it"
            } else if find(&lower, b"<net ") {
                "it is an OpenVINO model: get the ONNX model that it was made from"
            } else {
                "it is XML; expected an ONNX model"
            },
        );
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
    (text.len() >= 8 && text.iter().all(is_text))
        .then_some("it is text; expected an ONNX model: see what is in it")
}

/// Why bytes are not a model, for bytes that protobuf does not read.
pub fn not_a_model(bytes: &[u8]) -> String {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let known = well_known(head);
    known
        .unwrap_or(
            "it is damaged or cut short, or not ONNX at all: get it again, or export it again",
        )
        .to_owned()
}

/// What ONNX Runtime's words about versions mean; none for other words.
pub fn explain(reason: &str, runtime: &str) -> Option<String> {
    if let Some((_, rest)) = reason.split_once("Unsupported model IR version: ") {
        let (came, most) = (
            number(rest)?,
            number(rest.split_once("max supported IR version: ")?.1)?,
        );
        return Some(format!(
            "it is in version {came} of ONNX's format, and ONNX Runtime {runtime} reads up to {most}: \
             save it in an older one (`ir_version`), or bring a newer ONNX Runtime"
        ));
    }
    let (_, rest) = reason.split_once("Opset ")?;
    let came = number(rest)?;
    let (_, rest) = rest.split_once("official support for domain ")?;
    let (domain, rest) = rest.split_once(" is till opset ")?;
    let most = number(rest)?;
    Some(format!(
        "it is made for version {came} of the operators of `{domain}`, and ONNX Runtime {runtime} has \
         up to {most}: export it for an older one (`opset_version`), or bring a newer ONNX Runtime"
    ))
}

/// Whether protobuf reads bytes that have no graph in them, as other programs' models do.
pub fn has_no_graph(bytes: &[u8]) -> bool {
    Fields::of(bytes).all(|field| matches!(field, Ok((field, _)) if field != 7))
}

fn number(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

fn find(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The length of a description in JSON, and the description.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((length, rest)) = head.split_first_chunk::<8>() else {
        return false;
    };
    u64::from_le_bytes(*length) < 100 << 20 && rest.starts_with(b"{\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_files_are_named() {
        let zip = b"PK\x03\x04\x00\x00\x08\x08archive/data.pklFB";
        let safetensors = b"\x20\0\0\0\0\0\0\0{\"__metadata__\":{}";
        for (bytes, word) in [
            (
                &b"version https://git-lfs.github.com/spec/v1\noid"[..],
                "git lfs pull",
            ),
            (b"\x1f\x8b\x08\x00", "gzip"),
            (zip, "torch.onnx.export"),
            (b"\x1c\0\0\0TFL3\0\0", "TensorFlow Lite"),
            (safetensors, "safetensors"),
            (b"", "empty"),
            (b"\n <!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<html lang=en>", "web page"),
            (b"<?xml version=\"1.0\"?><net name=\"x\">", "OpenVINO"),
            (b"no model at all", "text"),
            (b"{\"message\":\"Not Found\"}", "text"),
        ] {
            let what = well_known(bytes).unwrap_or("nothing");
            assert!(what.contains(word), "{word}: {what}");
        }
        // The beginnings of a model and of one in ONNX Runtime's own format.
        assert_eq!(well_known(b"\x08\x09\x12\x07pytorch\x1a\x052.1.0:"), None);
        assert_eq!(well_known(b"\x1c\0\0\0ORTM\0\0"), None);
    }

    #[test]
    fn versions_are_explained() {
        let ir = "Unsupported model IR version: 99, max supported IR version: 14";
        let said = explain(ir, "1.32.0").unwrap();
        assert!(
            said.contains("version 99") && said.contains("up to 14"),
            "{said}"
        );
        let opset = "ONNX Runtime only *guarantees* support. Opset 99 is under development. \
                     Current official support for domain ai.onnx is till opset 28.";
        let said = explain(opset, "1.32.0").unwrap();
        assert!(
            said.contains("99") && said.contains("`ai.onnx`") && said.contains("28"),
            "{said}"
        );
        assert_eq!(explain("Opset nonsense", "1"), None);
        assert_eq!(explain("something else", "1"), None);
    }
}
