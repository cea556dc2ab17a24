//! Outputs to where they go: today standard output, as lines for people and programs.
//!
//! A line is `source<TAB>name<TAB>text`. Everything in it may come from a guest or a file name, so
//! control characters are escaped: one output stays one line of three fields, and nothing here
//! drives the terminal.

use std::{
    error::Error,
    io::{self, Write},
};

use serde::Serialize;
use tollgate_runtime::Output;

/// Prints one line on standard output.
///
/// # Errors
///
/// The system's, a reader that went away included.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints one JSON object on standard output.
///
/// # Errors
///
/// The system's, a reader that went away included.
pub fn print_json<T: Serialize>(value: &T) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// The line of one output.
pub fn line(source: &str, output: &Output) -> String {
    let mut line = String::new();
    escape(source, &mut line);
    line.push('\t');
    escape(&output.name, &mut line);
    line.push('\t');
    match std::str::from_utf8(&output.data) {
        Ok(text) => escape(text, &mut line),
        Err(_) => {
            let size = format!("({} bytes of ", output.data.len());
            line.push_str(&size);
            escape(&output.content_type, &mut line);
            line.push(')');
        }
    }
    line
}

/// An error and what it came from, in one line, whatever lines a guest's backtrace has.
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Appends `text` with its control characters escaped.
pub fn escape(text: &str, to: &mut String) {
    for character in text.chars() {
        if character.is_control() {
            to.extend(character.escape_default());
        } else {
            to.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(data: &[u8]) -> Output {
        Output {
            name: "reading".into(),
            content_type: "application/json".into(),
            data: data.to_vec(),
        }
    }

    #[test]
    fn an_error_is_one_line_with_all_its_causes() {
        let inner = io::Error::other("at 0:\n    1: there");
        let error = crate::ingress::files::Error::Read {
            path: "a".into(),
            source: inner,
        };
        assert_eq!(one_line(&error), "cannot read `a`: at 0: 1: there");
    }

    #[test]
    fn an_output_is_one_line_of_three_fields() {
        assert_eq!(
            line("a.jpg", &output("{\"é\":1}".as_bytes())),
            "a.jpg\treading\t{\"é\":1}"
        );
        let hostile = line("a\tb", &output(b"x\n\x1b[2J\x7fy"));
        assert_eq!(hostile, "a\\tb\treading\tx\\n\\u{1b}[2J\\u{7f}y");
        assert_eq!(
            line("a", &output(&[0xff, 0xfe])),
            "a\treading\t(2 bytes of application/json)"
        );
    }
}
