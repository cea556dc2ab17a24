//! Refuses models from bytes that would make ONNX Runtime open files.
//!
//! A tensor of an ONNX model may keep its elements in another file, named inside the model, and a node
//! of ONNX Runtime's own may name a compiled model in one. In a file that the user chose these are
//! features; in bytes from a guest they would let the guest read the host's files. This module follows
//! every field that can lead to such a reference, to the last byte. What it cannot follow it reports as
//! malformed, and never as harmless.

use super::wire::{Fields, Malformed, Value};

/// What makes ONNX Runtime open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A tensor keeps its elements elsewhere.
    Weights,
    /// A node stands for a model that a device's compiler wrote.
    Compiled,
}

/// The first reference to a file in a model; none where there is none.
///
/// # Errors
///
/// Bytes that are no message, at any level that may hold a reference.
pub fn references(model: &[u8]) -> Result<Option<Reference>, Malformed> {
    walk(model, Message::Model, 0)
}

/// Whether the bytes are ONNX Runtime's own format instead of ONNX.
pub fn is_ort_format(model: &[u8]) -> bool {
    model.get(4..8) == Some(b"ORTM")
}

/// The messages of ONNX on the way from a model to its tensors and nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Graph,
    Function,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

impl Message {
    /// What a length-delimited field of this message holds, if that can lead to a reference.
    fn child(self, field: u32) -> Option<Message> {
        use Message::{Attribute, Function, Graph, Model, Node, SparseTensor, Tensor, Training};
        Some(match (self, field) {
            (Model, 7) | (Training, 1 | 2) | (Attribute, 6 | 11) => Graph,
            (Model, 20) => Training,
            (Model, 25) => Function,
            (Graph, 1) | (Function, 7) => Node,
            (Graph, 5) | (Attribute, 5 | 10) | (SparseTensor, 1 | 2) => Tensor,
            (Graph, 15) | (Attribute, 22 | 23) => SparseTensor,
            (Node, 5) | (Function, 11) => Attribute,
            _ => return None,
        })
    }
}

/// Messages within messages, at most: protobuf's own bound.
const DEPTH: usize = 100;

fn walk(bytes: &[u8], message: Message, depth: usize) -> Result<Option<Reference>, Malformed> {
    if depth > DEPTH {
        return Err(Malformed);
    }
    let mut found = None;
    for field in Fields::of(bytes) {
        let (field, value) = field?;
        // A message that occurs twice is merged, and of a number the last one counts: whatever one
        // occurrence says is taken for what the whole says.
        found = found.or(match (message, field, value) {
            // `external_data`, and a `data_location` other than the default.
            (Message::Tensor, 13, Value::Bytes(_)) => Some(Reference::Weights),
            (Message::Tensor, 14, Value::Varint(place)) if place != 0 => Some(Reference::Weights),
            // `op_type`.
            (Message::Node, 4, Value::Bytes(b"EPContext")) => Some(Reference::Compiled),
            (_, _, Value::Bytes(body)) => match message.child(field) {
                Some(child) => walk(body, child, depth + 1)?,
                None => None,
            },
            _ => None,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length-delimited field.
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let tag = u32::from(number) << 3 | 2;
        if tag >= 0x80 {
            bytes.extend([tag as u8 | 0x80, (tag >> 7) as u8]);
        } else {
            bytes.push(tag as u8);
        }
        bytes.push(u8::try_from(body.len()).unwrap());
        bytes.extend_from_slice(body);
        bytes
    }

    /// external_data { key: "location" value: "x" }
    fn external() -> Vec<u8> {
        field(13, &[field(1, b"location"), field(2, b"x")].concat())
    }

    /// Every way from a model to a tensor that is in the schema.
    fn places(tensor: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let graph = |graph: Vec<u8>| field(7, &graph);
        let attribute = |inner: Vec<u8>| graph(field(1, &field(5, &inner)));
        let sparse = field(1, tensor);
        let indices = field(2, tensor);
        vec![
            ("initializer", graph(field(5, tensor))),
            ("sparse values", graph(field(15, &sparse))),
            ("sparse indices", graph(field(15, &indices))),
            ("attribute.t", attribute(field(5, tensor))),
            ("attribute.tensors", attribute(field(10, tensor))),
            ("attribute.sparse_tensor", attribute(field(22, &sparse))),
            ("attribute.sparse_tensors", attribute(field(23, &indices))),
            ("attribute.g", attribute(field(6, &field(5, tensor)))),
            ("attribute.graphs", attribute(field(11, &field(5, tensor)))),
            (
                "training.initialization",
                field(20, &field(1, &field(5, tensor))),
            ),
            (
                "training.algorithm",
                field(20, &field(2, &field(5, tensor))),
            ),
            (
                "function.node",
                field(25, &field(7, &field(5, &field(5, tensor)))),
            ),
            (
                "function.attribute_proto",
                field(25, &field(11, &field(5, tensor))),
            ),
        ]
    }

    #[test]
    fn finds_a_reference_wherever_a_tensor_can_be() {
        let located = [14 << 3, 1].to_vec();
        for reference in [external(), located] {
            for (place, model) in places(&reference) {
                let found = references(&model);
                assert_eq!(found, Ok(Some(Reference::Weights)), "{place}");
            }
        }
        for (place, model) in places(&field(8, b"a name")) {
            assert_eq!(references(&model), Ok(None), "{place}");
        }
    }

    #[test]
    fn nothing_in_front_of_a_reference_hides_it() {
        let unknown: [&[u8]; 6] = [
            // Groups: empty, nested, with fields of every kind in them.
            &[0xa3, 0x06, 0xa4, 0x06],
            &[
                0xa3, 0x06, 0x0b, 0x0c, 0x08, 0x01, 0x12, 0x01, 0x00, 0xa4, 0x06,
            ],
            // A known field as another wire type, which protobuf keeps as unknown.
            &[0x38, 0x01],
            &[0x2b, 0x2c],
            // A number in ten bytes, and a tag in five.
            &[
                0xf8, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
            ],
            &[0xf8, 0x86, 0x80, 0x80, 0x00, 0x01],
        ];
        for before in unknown {
            let hidden = |bytes: Vec<u8>| [before, &bytes].concat();
            let tensor = hidden(external());
            for model in [
                hidden(field(7, &field(5, &external()))),
                field(7, &hidden(field(5, &external()))),
                field(7, &field(5, &tensor)),
                // A second graph is merged with the first.
                [field(7, before), field(7, &field(5, &external()))].concat(),
            ] {
                assert_eq!(
                    references(&model),
                    Ok(Some(Reference::Weights)),
                    "{before:x?}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_is_not_called_harmless() {
        for broken in [&[0x00][..], &[0x0c], &[0x0e], &[0x0a, 9, 1], &[0x0b, 0x08]] {
            let after = |bytes: Vec<u8>| [broken, &bytes].concat();
            for model in [
                after(field(7, b"")),
                field(7, &after(field(5, b""))),
                field(7, &field(5, &after(Vec::new()))),
                field(7, &field(1, &field(5, &after(Vec::new())))),
            ] {
                assert_eq!(references(&model), Err(Malformed), "{broken:x?}");
            }
        }
    }

    #[test]
    fn a_compiled_model_in_a_file_is_a_reference() {
        let node = field(7, &field(1, &field(4, b"EPContext")));
        assert_eq!(references(&node), Ok(Some(Reference::Compiled)));
        let function = field(25, &field(7, &field(4, b"EPContext")));
        assert_eq!(references(&function), Ok(Some(Reference::Compiled)));
    }

    #[test]
    fn the_word_alone_is_no_reference() {
        // graph.name = "location"
        assert_eq!(references(&field(7, &field(2, b"location"))), Ok(None));
    }
}
