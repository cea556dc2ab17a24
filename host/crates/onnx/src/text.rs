//! Text from models and callers in messages: escaped, since it is not trusted, and cut to a length.

use std::fmt::{Display, Write};

/// The most bytes of a name, or of all names of a graph, in a message.
const NAMES_BYTES: usize = 512;

/// A name from a model or from a caller, for a message.
pub fn shown(name: impl Display) -> String {
    escape(&ends(&name.to_string(), NAMES_BYTES))
}

/// The text; if it is longer than `most` bytes, only its beginning and its end.
pub fn ends(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let begin = text.floor_char_boundary(most * 3 / 4);
    let end = text.ceil_char_boundary(text.len() - most / 4);
    let (begin, end) = (text.get(..begin), text.get(end..));
    let (begin, end) = (begin.unwrap_or_default(), end.unwrap_or_default());
    let left_out = text.len() - begin.len() - end.len();
    format!("{begin} [{left_out} bytes left out] {end}")
}

/// Escapes what is not printable, and makes each run of white space one space.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, word) in text.split_whitespace().enumerate() {
        if place > 0 {
            escaped.push(' ');
        }
        for character in word.chars() {
            match character {
                '\'' | '"' | '\\' => escaped.push(character),
                // Like `Debug`, it escapes control and format characters, such as those for text direction.
                _ => write!(escaped, "{}", character.escape_debug()).unwrap_or_default(),
            }
        }
    }
    escaped
}
