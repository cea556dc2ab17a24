//! ONNX Runtime's words, made fit for people: without the C++ around them, without characters that
//! command a terminal or pass for another line, and no longer than a message is.
//!
//! Much of what it says comes from the model: names of nodes, of inputs, of operators.

use std::fmt::{Display, Write};

/// Bytes of one text from ONNX Runtime, at most. What matters stands at its beginning and at its end.
pub(crate) const TEXT_BYTES: usize = 1024;

/// Bytes of a name, or of all names of a graph, that a message repeats, at most.
const NAMES_BYTES: usize = 512;

/// A name out of a model, or from a caller, as a message shows it.
pub(crate) fn shown(name: impl Display) -> String {
    escape(&ends(&name.to_string(), NAMES_BYTES))
}

/// A text of ONNX Runtime's, cleaned, escaped and cut.
pub(crate) fn tidy(text: &str) -> String {
    // What is longer is cut before it is looked at.
    let text = ends(text, 4 * TEXT_BYTES);
    escape(&ends(&without_places(&text), TEXT_BYTES))
}

/// The beginning and the end of a text that is longer than so many bytes.
fn ends(text: &str, most: usize) -> String {
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

/// Escapes what is not printable; all space is one.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, word) in text.split_whitespace().enumerate() {
        if place > 0 {
            escaped.push(' ');
        }
        for character in word.chars() {
            match character {
                '\'' | '"' | '\\' => escaped.push(character),
                // What `Debug` escapes: controls, format characters such as overrides of direction.
                _ => write!(escaped, "{}", character.escape_debug()).unwrap_or_default(),
            }
        }
    }
    escaped
}

/// Leaves out places in ONNX Runtime's source, each a path, a line and a C++ function.
fn without_places(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = place(rest) {
        let (before, from) = rest.split_at_checked(begin).unwrap_or((rest, ""));
        kept.push_str(before);
        let after = from.split_once(' ').map_or("", |(_, after)| after);
        rest = without_function(after);
    }
    kept.push_str(rest);
    kept
}

/// Where a path into the source with a line begins: `/onnxruntime_src/.../model.cc:256 `.
fn place(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("onnxruntime") {
        let at = from + found;
        let begin = text.get(..at)?.rfind(char::is_whitespace);
        let begin = begin.map_or(0, |space| space + 1);
        let word = text.get(begin..)?.split_whitespace().next()?;
        let path = [".cc:", ".h:", ".cpp:", ".hpp:", ".cu:", ".cuh:"];
        let is_place = path.iter().any(|suffix| {
            let line = word.rsplit_once(suffix).map(|(_, line)| line);
            line.is_some_and(|line| !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()))
        });
        if is_place {
            return Some(begin);
        }
        from = at + "onnxruntime".len();
    }
    None
}

/// Leaves out the C++ function that a text begins with: its type, its name and its parameters.
fn without_function(text: &str) -> &str {
    let Some(open) = text.find('(') else {
        return text;
    };
    let name = text.get(..open).unwrap_or_default();
    if !name.contains("::") {
        return text;
    }
    let mut rest = text.get(open..).unwrap_or_default();
    // The parameters, and what may follow them: a lambda's, `const`, a template's arguments.
    loop {
        rest = after_closing(rest, '(', ')');
        if let Some(inner) = rest.strip_prefix("::") {
            let Some(open) = inner.find('(') else { break };
            rest = inner.get(open..).unwrap_or_default();
            continue;
        }
        break;
    }
    let rest = rest.strip_prefix('>').unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    if rest.starts_with("[with ") {
        return after_closing(rest, '[', ']').trim_start();
    }
    rest
}

/// What follows the bracket that closes the first one; nothing where none does.
fn after_closing(text: &str, open: char, close: char) -> &str {
    let mut depth = 0usize;
    for (place, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return text.get(place + character.len_utf8()..).unwrap_or_default();
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_onnx_runtime_says_is_left_of_what_it_writes() {
        for (written, said) in [
            (
                "/onnxruntime_src/onnxruntime/core/graph/model.cc:256 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::IOnnxRuntimeOpSchemaRegistryList*) Unsupported model IR version: 99, max supported IR version: 14\n",
                "Unsupported model IR version: 99, max supported IR version: 14",
            ),
            (
                "Non-zero status code returned while running Reshape node. Name:'n' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, onnxruntime::TensorShapeVector&, bool) input_shape_size == requested_shape_size was false. Input shape:{1}",
                "Non-zero status code returned while running Reshape node. Name:'n' Status Message: input_shape_size == requested_shape_size was false. Input shape:{1}",
            ),
            (
                "/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void onnxruntime::f(const std::unordered_map<std::__cxx11::basic_string<char>, int>&, int) ONNX Runtime only",
                "ONNX Runtime only",
            ),
            (
                "D:\\a\\_work\\1\\s\\onnxruntime\\core\\x.cc:12 onnxruntime::Y::Z(int) const [with T = float; U = a[2]] words (with brackets)",
                "words (with brackets)",
            ),
            (
                "/o/onnxruntime/x.cc:1 onnxruntime::f(int)::<lambda(const T&)> it failed",
                "it failed",
            ),
            (
                "No graph was found in the protobuf.",
                "No graph was found in the protobuf.",
            ),
            (
                "com.example:Foo(-1) is not a registered function/op",
                "com.example:Foo(-1) is not a registered function/op",
            ),
        ] {
            assert_eq!(tidy(written), said);
        }
    }

    #[test]
    fn nothing_commands_a_terminal_or_passes_for_another_line() {
        let tidied = tidy("a\x1b]0;t\x07\nerror: b\u{202e}c\u{9b}d 'é' \"x\"");
        assert_eq!(
            tidied,
            "a\\u{1b}]0;t\\u{7} error: b\\u{202e}c\\u{9b}d 'é' \"x\""
        );
        assert!(!tidy(&"\n".repeat(9000)).contains('\n'));
    }

    #[test]
    fn long_texts_keep_their_ends() {
        let long = format!("begin {} end", "é".repeat(100_000));
        let tidied = tidy(&long);
        assert!(tidied.len() < 2 * TEXT_BYTES, "{}", tidied.len());
        assert!(tidied.starts_with("begin") && tidied.ends_with("end"));
        assert!(tidied.contains("bytes left out"));
        // Escapes are longer than what they stand for.
        assert!(tidy(&"\x1b".repeat(100_000)).len() < 8 * TEXT_BYTES);
        for hostile in [
            "/onnxruntime/x.cc:1",
            "onnxruntime/x.cc:1 a::b(((",
            "onnxruntime.cc: ",
        ] {
            tidy(&hostile.repeat(1000));
        }
    }
}
