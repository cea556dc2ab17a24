//! Cuts and escapes a guest's text before the host keeps or shows it.
//!
//! The cost of every function is bounded by the length that it is given, not by the length of the guest's text:
//! the rest is counted and never copied.

use std::fmt::{self, Write};

/// The most bytes of a name in a message.
pub const NAME_BYTES: usize = 128;

/// The text; if it has more than this many bytes, its beginning and how many bytes are missing.
pub fn cut(text: &(impl fmt::Display + ?Sized), most: usize) -> String {
    let mut cut = Cut {
        text: String::new(),
        most,
        lost: 0,
    };
    // Writing into `Cut` cannot fail.
    write!(cut, "{text}").ok();
    cut.end()
}

/// As [`cut`], without a copy if the text is short enough.
pub fn shorten(text: String, most: usize) -> String {
    if text.len() <= most {
        text
    } else {
        cut(&text, most)
    }
}

struct Cut {
    text: String,
    most: usize,
    lost: usize,
}

impl Cut {
    fn end(self) -> String {
        let Self { mut text, lost, .. } = self;
        if lost > 0 {
            // Writing into a `String` cannot fail either.
            write!(text, "… and {lost} bytes more").ok();
        }
        text
    }
}

impl Write for Cut {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = match self.lost {
            0 => self.most.saturating_sub(self.text.len()),
            _ => 0,
        };
        let end = part.floor_char_boundary(room);
        let (fits, rest) = part.split_at_checked(end).unwrap_or(("", part));
        self.text.push_str(fits);
        self.lost = self.lost.saturating_add(rest.len());
        Ok(())
    }
}

/// A name, cut to [`NAME_BYTES`].
pub struct Name<'a>(pub &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cut(self.0, NAME_BYTES))
    }
}

/// A message on one line, without control characters for a terminal.
pub fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_is_cut_between_characters_and_counted() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("short", 3), "sho… and 2 bytes more");
        assert_eq!(cut("éé", 3), "é… and 2 bytes more");
        assert_eq!(
            cut(&format_args!("{}{}", "ab", "cd"), 3),
            "abc… and 1 bytes more"
        );
        assert_eq!(shorten("short".to_owned(), 5), "short");
        assert_eq!(
            Name(&"x".repeat(1 << 20)).to_string().len(),
            NAME_BYTES + "… and 1048448 bytes more".len()
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let line = escaped("it's \"a\"\n\u{1b}[2J\u{202e}\u{9b}é");
        assert_eq!(line, "it's \"a\"\\n\\u{1b}[2J\\u{202e}\\u{9b}é");
    }
}
