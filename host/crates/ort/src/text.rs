//! Cleans ONNX Runtime's messages: removes the C++ around them, escapes characters that control a terminal
//! or look like a new line, and cuts them to the length of a message.
//!
//! Much of their text comes from the model, such as names of nodes, inputs and operators, so it is not
//! trusted.

pub(crate) use tollgate_onnx::text::shown;
use tollgate_onnx::text::{ends, escape};

/// The most bytes of one message from ONNX Runtime. The important parts are its beginning and its end.
pub(crate) const TEXT_BYTES: usize = 1024;

/// A message of ONNX Runtime, cleaned, escaped and cut.
pub(crate) fn tidy(text: &str) -> String {
    // A very long text is cut before it is searched.
    let text = ends(text, 4 * TEXT_BYTES);
    escape(&ends(&without_places(&text), TEXT_BYTES))
}

/// Removes places in ONNX Runtime's source: a path, a line and a C++ function each.
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

/// Where a path into the source with a line number begins: `/onnxruntime_src/.../model.cc:256 `.
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

/// Removes the C++ function at the beginning of a text: its type, its name and its parameters.
fn without_function(text: &str) -> &str {
    let Some(open) = text.find('(') else {
        return text;
    };
    let name = text.get(..open).unwrap_or_default();
    if !name.contains("::") {
        return text;
    }
    let mut rest = text.get(open..).unwrap_or_default();
    // The parameters, and what may follow them: those of a lambda, `const`, template arguments.
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

/// The text after the bracket that closes the first one; the whole text if none does.
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
