//! The media type of a file, from its first bytes or else from its name's extension.
//!
//! The bytes come first, since names are wrong more often. If neither tells, the type is empty,
//! which means unknown; the plugin decides for itself.

use std::path::Path;

/// First bytes, and the type that they indicate.
const MAGIC: [(&[u8], &str); 10] = [
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"%PDF-", "application/pdf"),
];

/// The bytes at offset 8 of a RIFF file, and the type that they indicate.
const RIFF: [(&[u8], &str); 2] = [(b"WAVE", "audio/wav"), (b"WEBP", "image/webp")];

/// Extensions, in lower case.
const EXTENSIONS: [(&str, &str); 29] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("bmp", "image/bmp"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("webp", "image/webp"),
    ("pgm", "image/x-portable-graymap"),
    ("ppm", "image/x-portable-pixmap"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("ogg", "application/ogg"),
    ("json", "application/json"),
    ("cbor", "application/cbor"),
    ("csv", "text/csv"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("toml", "application/toml"),
    ("jsonl", "application/jsonl"),
    ("svg", "image/svg+xml"),
    ("pdf", "application/pdf"),
    ("bin", "application/octet-stream"),
    ("raw", "application/octet-stream"),
];

/// The media type of `data` in a file called `name`; empty if it is unknown.
pub(super) fn media_type(name: &Path, data: &[u8]) -> &'static str {
    by_magic(data)
        .or_else(|| by_extension(name))
        .unwrap_or_default()
}

/// The rough kind of a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Pictures, sound, documents and other data that a text editor cannot show.
    Binary,
    /// Text that people write and read.
    Text,
    /// The kind is unknown.
    Unknown,
}

/// The kind of a media type.
pub(super) fn sort(media_type: &str) -> Sort {
    match media_type {
        "" => Sort::Unknown,
        "application/json" | "application/jsonl" | "application/xml" | "application/yaml"
        | "application/toml" => Sort::Text,
        _ if media_type.starts_with("text/") => Sort::Text,
        _ => Sort::Binary,
    }
}

/// The extension for files of this type, in lower case; `None` if the type is not known here.
pub(super) fn extension_of(media_type: &str) -> Option<&'static str> {
    EXTENSIONS
        .iter()
        .find_map(|(extension, known)| (*known == media_type).then_some(*extension))
}

fn by_magic(data: &[u8]) -> Option<&'static str> {
    let starts = |(magic, media): &(&[u8], &'static str)| data.starts_with(magic).then_some(*media);
    MAGIC
        .iter()
        .find_map(starts)
        .or_else(|| portable_map(data))
        .or_else(|| {
            let kind = data.strip_prefix(b"RIFF")?.get(4..8)?;
            RIFF.iter()
                .find_map(|(magic, media)| (kind == *magic).then_some(*media))
        })
}

/// Recognises Netpbm: `P` and a digit, then white space.
fn portable_map(data: &[u8]) -> Option<&'static str> {
    match data {
        [b'P', digit, space, ..] if space.is_ascii_whitespace() => match digit {
            b'2' | b'5' => Some("image/x-portable-graymap"),
            b'3' | b'6' => Some("image/x-portable-pixmap"),
            _ => None,
        },
        _ => None,
    }
}

fn by_extension(name: &Path) -> Option<&'static str> {
    let extension = name.extension()?.to_str()?.to_ascii_lowercase();
    EXTENSIONS
        .iter()
        .find_map(|(known, media)| (*known == extension).then_some(*media))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, data: &[u8]) -> &'static str {
        media_type(Path::new(name), data)
    }

    #[test]
    fn bytes_come_before_names() {
        assert_eq!(of("a.png", b"\xff\xd8\xff\xe0rest"), "image/jpeg");
        assert_eq!(of("-", b"P5\n8 8\n255\n"), "image/x-portable-graymap");
        assert_eq!(of("-", b"P6 8 8"), "image/x-portable-pixmap");
        assert_eq!(of("-", b"RIFF\x10\0\0\0WAVEfmt "), "audio/wav");
        assert_eq!(of("-", b"RIFF\x10\0\0\0WEBPVP8 "), "image/webp");
    }

    #[test]
    fn names_tell_where_bytes_do_not() {
        assert_eq!(of("a.JSON", b"{}"), "application/json");
        assert_eq!(of("dir.png/a", b""), "");
        assert_eq!(of("a.pgm", b""), "image/x-portable-graymap");
        assert_eq!(of("-", b"P5"), "");
        assert_eq!(of("-", b"RIFF"), "");
        assert_eq!(of("a.unheard-of", b"hello"), "");
    }
}
