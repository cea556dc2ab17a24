//! Finds bodies of `If`, `Scan` and the like with outputs that ONNX Runtime does not write.
//!
//! Such an operator hands memory over for the outputs of its body before the body runs. An output that is
//! one of the body's own inputs, or whose name stands twice, is not written to that memory (`run::call`
//! says why), and the operator's own output is then what was in the memory: an earlier inference's
//! values, whichever caller's. An `Identity` between the two is kept by every level of optimization.
//!
//! Other bodies are harmless: `Loop` copies what its body gives, `SequenceMap` becomes a `Loop`, and
//! ONNX Runtime refuses a body or function that gives a value from outside of it, and a function that
//! gives an input of its own or one value twice.
//!
//! It follows every field that can lead to a body, to the last byte, and reports what it cannot follow.

use std::{borrow::Cow, collections::HashSet, fmt};

use super::wire::{Fields, Malformed, Value};

/// An output of a body that is not written.
#[derive(Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The operator that has the body, or the function that has it as a default.
    operator: String,
    output: String,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Input,
    Twice,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operator, output, ..
        } = self;
        let (given, before) = match self.cause {
            Cause::Input => ("(one of its own inputs) as an output", "that output"),
            Cause::Twice => ("as two outputs", "one of them"),
        };
        write!(
            to,
            "a body of its operator `{operator}` gives `{output}` {given}, and ONNX Runtime would leave an \
             output of the operator unwritten; put an Identity node before {before} in the body"
        )
    }
}

/// The first output of a body that is not written; none where there is none.
///
/// # Errors
///
/// Bytes that are no message, at any level that may hold a body.
pub fn unwritten(model: &[u8]) -> Result<Option<Unwritten>, Malformed> {
    let mut functions = false;
    for field in Fields::of(model) {
        if let (25, Value::Bytes(function)) = field? {
            functions |= last(function, 1)?.is_some_and(copies);
        }
    }
    walk(model, Message::Model, functions, 0)
}

/// Whether an operator copies what its body gives.
fn copies(operator: &[u8]) -> bool {
    matches!(operator, b"Loop" | b"SequenceMap")
}

/// The messages of ONNX on the way from a model to its nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Function,
}

/// Graphs within graphs, at most: protobuf's own bound on messages within messages, of which each takes
/// three.
const DEPTH: usize = 34;

/// With `functions`, the model has a function of its own that is called like an operator that copies.
fn walk(
    bytes: &[u8],
    message: Message,
    functions: bool,
    depth: usize,
) -> Result<Option<Unwritten>, Malformed> {
    if depth > DEPTH {
        return Err(Malformed);
    }
    // Once, however many attributes it has.
    let function = match message {
        Message::Function => last(bytes, 1)?.unwrap_or_default(),
        Message::Model | Message::Graph => &[],
    };
    for field in Fields::of(bytes) {
        let (field, Value::Bytes(inner)) = field? else {
            continue;
        };
        let found = match (message, field) {
            (Message::Model, 7) => walk(inner, Message::Graph, functions, depth)?,
            (Message::Model, 25) => walk(inner, Message::Function, functions, depth)?,
            (Message::Graph, 1) | (Message::Function, 7) => node(inner, functions, depth)?,
            // A function's attribute with a default, which any operator in it may refer to.
            (Message::Function, 11) => attribute(inner, Some(function), functions, depth)?,
            _ => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn node(bytes: &[u8], functions: bool, depth: usize) -> Result<Option<Unwritten>, Malformed> {
    let operator = last(bytes, 4)?.unwrap_or_default();
    let domain = last(bytes, 7)?.unwrap_or_default();
    // A function of the model's own may hand its attribute on to an operator within it.
    let copied = !functions && copies(operator) && matches!(domain, b"" | b"ai.onnx");
    for field in Fields::of(bytes) {
        if let (5, Value::Bytes(inner)) = field? {
            let found = attribute(inner, (!copied).then_some(operator), functions, depth)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Looks into the bodies that an attribute holds; at their outputs only if there is an operator.
fn attribute(
    bytes: &[u8],
    operator: Option<&[u8]>,
    functions: bool,
    depth: usize,
) -> Result<Option<Unwritten>, Malformed> {
    // A message that occurs twice is merged, as if its bytes stood one after the other.
    let mut only: Cow<'_, [u8]> = Cow::default();
    let mut bodies = Vec::new();
    for field in Fields::of(bytes) {
        match field? {
            (6, Value::Bytes(body)) if only.is_empty() => only = Cow::Borrowed(body),
            (6, Value::Bytes(body)) => only.to_mut().extend_from_slice(body),
            (11, Value::Bytes(body)) => bodies.push(Cow::Borrowed(body)),
            _ => {}
        }
    }
    bodies.push(only);
    for body in bodies {
        if let Some(operator) = operator
            && let Some((output, cause)) = shared_output(&body)?
        {
            return Ok(Some(Unwritten {
                operator: String::from_utf8_lossy(operator).into_owned(),
                output: String::from_utf8_lossy(output).into_owned(),
                cause,
            }));
        }
        let found = walk(&body, Message::Graph, functions, depth + 1)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// An output of a graph that is one of its inputs, or whose name another has.
fn shared_output(graph: &[u8]) -> Result<Option<(&[u8], Cause)>, Malformed> {
    let (mut inputs, mut outputs) = (HashSet::new(), Vec::new());
    for field in Fields::of(graph) {
        match field? {
            (11, Value::Bytes(info)) => {
                inputs.insert(last(info, 1)?.unwrap_or_default());
            }
            (12, Value::Bytes(info)) => outputs.push(last(info, 1)?.unwrap_or_default()),
            _ => {}
        }
    }
    let mut before = HashSet::new();
    Ok(outputs.into_iter().find_map(|output| {
        if inputs.contains(output) {
            return Some((output, Cause::Input));
        }
        (!before.insert(output)).then_some((output, Cause::Twice))
    }))
}

/// The bytes of a field, of which the last one counts.
fn last(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for field in Fields::of(message) {
        if let (field, Value::Bytes(bytes)) = field?
            && field == number
        {
            found = Some(bytes);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length-delimited field.
    fn field(number: u32, body: &[u8]) -> Vec<u8> {
        let (tag, length) = (number << 3 | 2, body.len());
        assert!(tag < 1 << 14 && length < 1 << 14);
        let two = |value: usize| [value as u8 | 0x80, (value >> 7) as u8];
        [&two(tag as usize)[..], &two(length), body].concat()
    }

    fn value(number: u32, name: &str) -> Vec<u8> {
        field(number, &field(1, name.as_bytes()))
    }

    fn body(inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
        let inputs = inputs.iter().flat_map(|name| value(11, name));
        let outputs = outputs.iter().flat_map(|name| value(12, name));
        inputs.chain(outputs).collect()
    }

    /// A node with a body in the one field for it.
    fn node(operator: &str, domain: &str, body: &[u8]) -> Vec<u8> {
        [
            field(5, &field(6, body)),
            field(4, operator.as_bytes()),
            field(7, domain.as_bytes()),
        ]
        .concat()
    }

    fn model(node: &[u8]) -> Vec<u8> {
        field(7, &field(1, node))
    }

    fn function(name: &str, rest: &[u8]) -> Vec<u8> {
        field(25, &[&field(1, name.as_bytes()), rest].concat())
    }

    /// Which output is found, and of which operator's body.
    fn found(model: &[u8]) -> Option<(String, String, Cause)> {
        let found = unwritten(model).unwrap()?;
        Some((found.operator, found.output, found.cause))
    }

    fn of(operator: &str, output: &str, cause: Cause) -> Option<(String, String, Cause)> {
        Some((operator.to_owned(), output.to_owned(), cause))
    }

    #[test]
    fn an_output_that_is_an_input_or_stands_twice_is_found() {
        for operator in ["Scan", "If", "BeamSearch", "a function"] {
            for (inputs, outputs, expected) in [
                (&["s", "e"][..], &["so", "eo"][..], None),
                (&["s", "e"], &["s", "eo"], of(operator, "s", Cause::Input)),
                (&["s", "e"], &["so", "e"], of(operator, "e", Cause::Input)),
                (&[], &["a", "b", "a"], of(operator, "a", Cause::Twice)),
                (&["a"], &[], None),
                (&[], &[], None),
            ] {
                let node = node(operator, "", &body(inputs, outputs));
                assert_eq!(found(&model(&node)), expected, "{inputs:?} {outputs:?}");
            }
        }
    }

    #[test]
    fn a_loop_copies_what_its_body_gives() {
        let shared = body(&["c"], &["c", "y", "y"]);
        for (operator, domain, harmless) in [
            ("Loop", "", true),
            ("Loop", "ai.onnx", true),
            ("SequenceMap", "", true),
            ("Loop", "custom", false),
            ("Loops", "", false),
        ] {
            let model = model(&node(operator, domain, &shared));
            assert_eq!(found(&model).is_none(), harmless, "{operator} {domain}");
            // A function of the model's own that is called like it is another operator.
            let own = [&model[..], &function("Loop", &[])].concat();
            assert!(found(&own).is_some());
            let other = [&model[..], &function("Scan", &[])].concat();
            assert_eq!(found(&other).is_none(), harmless);
        }
    }

    #[test]
    fn every_place_of_a_body_is_looked_at() {
        let shared = body(&["s"], &["s"]);
        let inner = node("Scan", "", &shared);
        let expected = of("Scan", "s", Cause::Input);
        for operator in ["If", "Loop", "Scan"] {
            let nested = node(operator, "", &field(1, &inner));
            assert_eq!(found(&model(&nested)), expected, "in {operator}");
        }
        assert_eq!(found(&function("f", &field(7, &inner))), expected);
        let default = function("f", &field(11, &field(6, &shared)));
        assert_eq!(found(&default), of("f", "s", Cause::Input));
        // The field for several bodies.
        let several = [field(4, b"Scan"), field(5, &field(11, &shared))].concat();
        assert_eq!(found(&model(&several)), expected);
        // Of a name the last one counts, and parts of a message are merged.
        let renamed = [node("Loop", "", &shared), field(4, b"Scan")].concat();
        assert_eq!(found(&model(&renamed)), expected);
        let parts = [field(6, &value(11, "s")), field(6, &value(12, "s"))].concat();
        let merged = [field(4, b"Scan"), field(5, &parts)].concat();
        assert_eq!(found(&model(&merged)), expected);
        let second = [field(7, &[]), model(&inner)].concat();
        assert_eq!(found(&second), expected);
    }

    #[test]
    fn a_function_of_many_attributes_is_read_once() {
        let name = [0x0a, 1, b'f'];
        // Empty ones: read again for each, they would take hours.
        let attributes = [0x5a, 0].repeat(1 << 20);
        let body = [&name[..], &attributes].concat();
        let mut model = vec![0xca, 0x01];
        let mut length = body.len();
        while length >= 0x80 {
            model.push(length as u8 | 0x80);
            length >>= 7;
        }
        model.push(length as u8);
        model.extend(body);
        assert_eq!(unwritten(&model), Ok(None));
    }

    #[test]
    fn what_cannot_be_followed_is_not_called_harmless() {
        for broken in [&[0x00][..], &[0x0c], &[0x0a, 9, 1], &[0x0b, 0x08]] {
            for model in [
                broken.to_vec(),
                field(7, broken),
                model(broken),
                model(&field(5, broken)),
                model(&node("Loop", "", broken)),
                model(&node("Scan", "", &field(12, broken))),
                function("f", broken),
                function("f", &field(11, broken)),
            ] {
                assert_eq!(unwritten(&model), Err(Malformed), "{broken:x?}");
            }
        }
        let mut deep = Vec::new();
        for _ in 0..=DEPTH {
            deep = field(1, &node("Loop", "", &deep));
        }
        assert_eq!(unwritten(&field(7, &deep)), Err(Malformed));
    }
}
