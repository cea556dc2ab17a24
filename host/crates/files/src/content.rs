//! What a media type tells about an output: whether it is text, and the extension of its files.

use tollgate_services::Output;

use crate::media::extension_of;

/// Types that are text although they do not begin with `text/`.
const TEXT: [&str; 14] = [
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/jsonl",
    "application/sql",
    "application/toml",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
    "image/svg+xml",
];

/// Suffixes of types that are based on text.
const SUFFIXES: [&str; 4] = ["+json", "+xml", "+yaml", "+json-seq"];

/// Character sets whose texts are all valid UTF-8.
const UTF_8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

/// The type without its parameters, in lower case.
fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether an output is UTF-8 text. Its type decides, whatever the bytes are. Outputs of preview1
/// plugins have no type; there it is text if the bytes look like no binary format.
pub fn is_text(output: &Output) -> bool {
    if output.content_type.trim().is_empty() {
        let readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        return std::str::from_utf8(&output.data).is_ok_and(|text| text.chars().all(readable));
    }
    is_text_type(&output.content_type)
}

/// Whether bytes of this type are text in UTF-8.
fn is_text_type(media_type: &str) -> bool {
    let essence = essence(media_type);
    let is = essence.starts_with("text/")
        || TEXT.contains(&&*essence)
        || SUFFIXES.iter().any(|suffix| essence.ends_with(suffix));
    is && media_type.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        !name.trim().eq_ignore_ascii_case("charset") || UTF_8.contains(&&*value)
    })
}

/// The extension for a file with such an output.
pub(super) fn extension(output: &Output) -> &'static str {
    let essence = essence(&output.content_type);
    match extension_of(&essence) {
        Some(known) => known,
        None if essence.ends_with("json") => "json",
        None if essence.ends_with("xml") => "xml",
        None if essence.ends_with("yaml") => "yaml",
        None if is_text(output) => "txt",
        None => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(content_type: &str, data: &[u8]) -> Output {
        Output {
            name: "o".into(),
            content_type: content_type.into(),
            data: data.to_vec(),
        }
    }

    #[test]
    fn text_is_what_is_called_so() {
        for text in [
            "text/plain",
            "Text/CSV; charset=UTF-8",
            "application/json",
            "application/vnd.meter+json",
            "text/plain; charset=\"us-ascii\"; format=flowed",
        ] {
            assert!(is_text(&output(text, b"\xff")), "{text}");
        }
        for bytes in [
            "image/png",
            "application/octet-stream",
            "application/x-json-not",
            "text/plain; charset=utf-16",
            "json",
        ] {
            assert!(!is_text(&output(bytes, b"plain")), "{bytes}");
        }
    }

    #[test]
    fn what_has_no_type_is_looked_at() {
        assert!(is_text(&output("", "größer\n".as_bytes())));
        assert!(!is_text(&output("", b"\x00\x01\x02")));
        assert!(!is_text(&output(" ", b"\xff")));
    }

    #[test]
    fn files_end_in_what_their_type_is_known_by() {
        for (media_type, expected) in [
            ("image/jpeg", "jpg"),
            ("IMAGE/PNG; x=y", "png"),
            ("application/json", "json"),
            ("application/vnd.meter+json", "json"),
            ("text/plain; charset=utf-8", "txt"),
            ("text/x-unheard-of", "txt"),
            ("../../etc/passwd", "bin"),
            ("", "bin"),
        ] {
            assert_eq!(
                extension(&output(media_type, b"\x00")),
                expected,
                "{media_type}"
            );
        }
    }
}
