//! Text that may come from a guest, a model or a file name, made safe for a terminal.
//!
//! This module alone decides which characters may reach a terminal. Characters that could move the
//! cursor, change colours, reorder the text around them or hide text are written as readable
//! escapes. These are control characters, marks of writing direction, characters without width, and
//! separators that end a line in some viewers only. [`escape`] writes one field, so it escapes line
//! feeds and tabs too. [`escape_text`] is for text of several lines in our own layout.
//!
//! Pure: it writes to no stream.

use std::io::{self, Write};

/// The characters to escape, besides control characters.
const HIDDEN: [(char, char); 16] = [
    ('\u{ad}', '\u{ad}'),       // soft hyphen
    ('\u{34f}', '\u{34f}'),     // combining grapheme joiner
    ('\u{61c}', '\u{61c}'),     // Arabic letter mark
    ('\u{115f}', '\u{1160}'),   // Hangul fillers
    ('\u{17b4}', '\u{17b5}'),   // Khmer inherent vowels
    ('\u{180e}', '\u{180e}'),   // Mongolian vowel separator
    ('\u{200b}', '\u{200f}'),   // zero width, left-to-right and right-to-left marks
    ('\u{2028}', '\u{202e}'),   // line and paragraph separators, embeddings, overrides
    ('\u{2060}', '\u{206f}'),   // word joiner, invisible operators, isolates
    ('\u{3164}', '\u{3164}'),   // Hangul filler
    ('\u{fe00}', '\u{fe0f}'),   // variation selectors
    ('\u{feff}', '\u{feff}'),   // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),   // halfwidth Hangul filler
    ('\u{fff0}', '\u{fffb}'),   // interlinear annotation
    ('\u{1d173}', '\u{1d17a}'), // invisible musical marks
    ('\u{e0000}', '\u{e0fff}'), // tags and further variation selectors
];

/// Whether a character is written as an escape.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || character >= HIDDEN[0].0
            && HIDDEN
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&character))
}

/// Appends `text` as one field of one line.
pub fn escape(text: &str, to: &mut String) {
    push(text, to, |_| false);
}

/// `text` as one field of one line.
pub fn escaped(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    escape(text, &mut field);
    field
}

/// Escapes text of several lines; line feeds and tabs stay.
pub fn escape_text(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    push(text, &mut lines, |character| {
        matches!(character, '\n' | '\t')
    });
    lines
}

/// Escapes text of several lines that is not our own, such as a guest's backtrace. Each line after
/// the first is indented, so that it cannot pass for a line of ours.
pub fn escape_indented(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let mut out = escape_text(lines.next().unwrap_or_default());
    for line in lines {
        out.push_str("\n  ");
        out.push_str(&escape_text(line));
    }
    out
}

/// Bytes that should be text, as one field. Bytes that are not UTF-8 are escaped one by one.
pub fn escape_bytes(bytes: &[u8], to: &mut String) {
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid(), to);
        for byte in chunk.invalid() {
            to.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

/// The first `most` bytes of a text, with the number of bytes cut off.
pub fn cut(text: &str, most: usize) -> String {
    let end = text.floor_char_boundary(most);
    match text.split_at_checked(end) {
        Some((kept, rest)) if !rest.is_empty() => {
            format!("{kept} … and {} bytes more", rest.len())
        }
        _ => text.to_owned(),
    }
}

fn push(text: &str, to: &mut String, stays: impl Fn(char) -> bool) {
    for character in text.chars() {
        if is_escaped(character) && !stays(character) {
            to.extend(character.escape_default());
        } else {
            to.push(character);
        }
    }
}

/// Writes JSON for a terminal or a file. Characters that must not reach a terminal become JSON
/// escapes, so that a parser of the JSON gets the same text.
///
/// In a serialiser's JSON such characters only occur inside strings.
#[derive(Debug)]
pub struct JsonWriter<W>(pub W);

impl<W: Write> Write for JsonWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let escapes = |text: &str| text.chars().any(is_escaped_in_json);
        match std::str::from_utf8(bytes) {
            Ok(text) if escapes(text) => {
                let mut out = String::with_capacity(text.len() + 16);
                for character in text.chars() {
                    if is_escaped_in_json(character) {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            out.push_str(&format!("\\u{unit:04x}"));
                        }
                    } else {
                        out.push(character);
                    }
                }
                self.0.write_all(out.as_bytes())?;
            }
            // A serialiser writes whole characters, so other bytes are passed on unchanged.
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The serialiser itself escapes characters below a space; line feeds are its layout.
fn is_escaped_in_json(character: char) -> bool {
    character >= '\u{7f}' && is_escaped(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character of each kind.
    const HOSTILE: &str = "a\u{1b}[31mb\u{7}\r\u{7f}\u{9b}2J\u{202e}c\u{2066}d\u{200b}e\u{61c}\u{2028}\u{feff}\u{e0041}";

    fn is_harmless(text: &str) -> bool {
        !text.chars().any(is_escaped)
    }

    #[test]
    fn a_field_is_one_line_that_drives_nothing() {
        let mut field = escaped(&format!("{HOSTILE}\n\tx"));
        assert!(is_harmless(&field), "{field}");
        assert!(field.starts_with("a\\u{1b}[31mb\\u{7}\\r\\u{7f}\\u{9b}2J\\u{202e}c"));
        assert!(field.ends_with("\\n\\tx"));
        field = escaped("größer, 数, 🙂");
        assert_eq!(field, "größer, 数, 🙂");
    }

    #[test]
    fn text_keeps_its_layout_and_nothing_else() {
        assert_eq!(escape_text("a\tb\n\u{1b}c\r\n"), "a\tb\n\\u{1b}c\\r\n");
        assert_eq!(
            escape_indented("one\nerror: two\n    0: f\n"),
            "one\n  error: two\n      0: f"
        );
    }

    #[test]
    fn what_is_not_utf_8_is_told_byte_by_byte() {
        let mut field = String::new();
        escape_bytes(b"a\xff\xfeb\x1b\xe2\x80", &mut field);
        assert_eq!(field, "a\\xff\\xfeb\\u{1b}\\xe2\\x80");
    }

    #[test]
    fn json_says_the_same_and_drives_nothing() {
        let mut out = Vec::new();
        serde_json::to_writer_pretty(JsonWriter(&mut out), &[HOSTILE, "é"]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(is_harmless(&text.replace('\n', "")), "{text}");
        let back: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, [HOSTILE, "é"]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("größer", 3), "gr … and 6 bytes more");
        assert_eq!(cut("größer", 99), "größer");
    }
}
