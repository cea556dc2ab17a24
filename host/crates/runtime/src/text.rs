//! A guest's text on its way into what the host keeps or shows: cut and escaped.
//!
//! Every function here is bounded by the length that it is given, not by what the guest sent: what is
//! cut off is counted and never copied.

use std::fmt::{self, Write};

/// How much of a name is repeated in a sentence, in bytes.
pub(crate) const NAME_BYTES: usize = 128;

/// A text of at most this many bytes; of a longer one, its beginning and how much is missing.
pub(crate) fn cut(text: &(impl fmt::Display + ?Sized), most: usize) -> String {
    let mut cut = Cut {
        text: String::new(),
        most,
        lost: 0,
    };
    // `Cut` takes everything.
    write!(cut, "{text}").ok();
    cut.end()
}

/// As [`cut`], of a text that may be short enough as it is.
pub(crate) fn shorten(text: String, most: usize) -> String {
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
            // A `String` takes everything as well.
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
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cut(self.0, NAME_BYTES))
    }
}

/// A sentence on one line, without anything that a terminal obeys.
pub(crate) fn escaped(text: &str) -> String {
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
