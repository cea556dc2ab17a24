//! Prints outputs and messages on standard output and standard error, for people and programs.
//!
//! All printing goes through this module, and through [`terminal`], which decides what may reach a
//! terminal. A line of an output is `source<TAB>name<TAB>text`: each output is one line with three
//! fields.

use std::{
    fmt::Arguments,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;
use tollgate_services::Output;

use tollgate_files::content::is_text;
use tollgate_report::{
    MESSAGE_BYTES,
    terminal::{self, JsonWriter, escape, escape_bytes, escape_text},
};

/// Prints text of one or more lines on standard output, with a line feed at the end.
///
/// # Errors
///
/// Writing fails, for example because the reader is gone.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", escape_text(text))?;
    out.flush()
}

/// Prints text that is data, such as a file of settings: like [`print()`] on a terminal, and
/// unchanged otherwise.
///
/// # Errors
///
/// Writing fails, for example because the reader is gone.
pub fn print_data(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return print(text);
    }
    print_line(text)
}

/// Prints a line made by [`line()`] on standard output.
///
/// # Errors
///
/// Writing fails, for example because the reader is gone.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints one JSON object on standard output.
///
/// # Errors
///
/// Writing fails, for example because the reader is gone.
pub fn print_json<T: Serialize>(value: &T) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(JsonWriter(&mut out), value)?;
    writeln!(out)?;
    out.flush()
}

/// Prints text of one or more lines on standard error. A failure is ignored, since it could not be
/// reported anyway.
pub fn say(text: Arguments<'_>) {
    let text = escape_text(&text.to_string());
    writeln!(io::stderr(), "{text}").ok();
}

/// Prints one JSON object on standard error.
///
/// # Errors
///
/// The value cannot be written as JSON.
pub fn say_json<T: Serialize>(value: &T) -> serde_json::Result<()> {
    let mut text = Vec::new();
    serde_json::to_writer_pretty(JsonWriter(&mut text), value)?;
    text.push(b'\n');
    io::stderr().write_all(&text).ok();
    Ok(())
}

/// Prints an error on standard error. Lines after the first, such as those of a guest's backtrace,
/// are indented.
pub fn say_error(error: &dyn std::fmt::Display) {
    let text = terminal::cut(&error.to_string(), MESSAGE_BYTES * 4);
    let text = terminal::escape_indented(&text);
    writeln!(io::stderr(), "error: {text}").ok();
}

/// The line of one output. Text is one field. On a terminal all characters in it that could affect
/// the terminal are escaped; for a program only control characters are. `file` is the file with the
/// whole output, if any.
pub fn line(source: &str, output: &Output, file: Option<&str>) -> String {
    let mut line = String::new();
    escape(source, &mut line);
    line.push('\t');
    escape(&output.name, &mut line);
    line.push('\t');
    if is_text(output) {
        field(&output.data, io::stdout().is_terminal(), &mut line);
    } else {
        line.push_str(&format!("({} bytes", output.data.len()));
        if !output.content_type.is_empty() {
            line.push_str(" of ");
            escape(&output.content_type, &mut line);
        }
        if let Some(file) = file {
            line.push_str(" in ");
            escape(file, &mut line);
        }
        line.push(')');
    }
    line
}

/// Appends text from a plugin.
fn field(data: &[u8], terminal: bool, line: &mut String) {
    match std::str::from_utf8(data) {
        Ok(text) if !terminal => {
            for character in text.chars() {
                if character.is_control() {
                    line.extend(character.escape_default());
                } else {
                    line.push(character);
                }
            }
        }
        _ => escape_bytes(data, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(content_type: &str, data: &[u8]) -> Output {
        Output {
            name: "reading".into(),
            content_type: content_type.into(),
            data: data.to_vec(),
        }
    }

    #[test]
    fn an_output_is_one_line_of_three_fields() {
        let json = |data: &[u8]| output("application/json", data);
        assert_eq!(
            line("a.jpg", &json("{\"é\":1}".as_bytes()), None),
            "a.jpg\treading\t{\"é\":1}"
        );
        let hostile = line("a\tb", &json(b"x\n\x1b[2J\x7fy"), None);
        assert_eq!(hostile, "a\\tb\treading\tx\\n\\u{1b}[2J\\u{7f}y");
        assert_eq!(
            line("a", &json(&[b'"', 0xff, 0xfe]), None),
            "a\treading\t\"\\xff\\xfe"
        );
    }

    #[test]
    fn whether_an_output_is_text_is_said_by_its_type() {
        let bytes = |file| line("a", &output("image/png", b"abc"), file);
        assert_eq!(bytes(None), "a\treading\t(3 bytes of image/png)");
        assert_eq!(
            bytes(Some("a.png")),
            "a\treading\t(3 bytes of image/png in a.png)"
        );
    }

    #[test]
    fn a_terminal_is_not_driven_and_a_program_gets_the_text() {
        let text = "\u{202e}a\u{200d}b".as_bytes();
        let field = |terminal| {
            let mut line = String::new();
            super::field(text, terminal, &mut line);
            line
        };
        assert_eq!(field(true), "\\u{202e}a\\u{200d}b");
        assert_eq!(field(false), "\u{202e}a\u{200d}b");
    }
}
