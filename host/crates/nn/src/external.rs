//! Refuses models from bytes that would make ONNX Runtime open files.
//!
//! A tensor of an ONNX model may keep its elements in another file, named inside the model. For a
//! file that the user chose that is a feature; for bytes that a guest hands over it would let the
//! guest read the host's files. This walks the protobuf structure of the model, to every place
//! where a tensor can be, and looks for such a reference. It does not judge anything else: bytes
//! that do not parse are left to ONNX Runtime to refuse.

/// Whether any tensor of the model keeps its elements elsewhere.
pub(crate) fn refers_to_files(model: &[u8]) -> bool {
    // Every such reference spells the key `location`; most models do not have the word.
    let word = b"location";
    model.windows(word.len()).any(|window| window == word) && walk(model, Message::Model, 0)
}

/// Whether the bytes are ONNX Runtime's own format instead of ONNX.
pub(crate) fn is_ort_format(model: &[u8]) -> bool {
    model.get(4..8) == Some(b"ORTM")
}

/// The messages of ONNX on the way from a model to its tensors.
#[derive(Clone, Copy)]
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
    /// What a length-delimited field of this message holds, if that can lead to a tensor.
    fn child(self, field: u64) -> Option<Message> {
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

/// Deeper nesting than ONNX Runtime's own parser takes.
const DEPTH: usize = 120;

fn walk(mut bytes: &[u8], message: Message, depth: usize) -> bool {
    if depth > DEPTH {
        // Nothing sensible is this deep: refuse rather than look away.
        return true;
    }
    while let Some(tag) = varint(&mut bytes) {
        let (field, wire) = (tag >> 3, tag & 7);
        match wire {
            0 => {
                let value = varint(&mut bytes);
                // `data_location`: anything but its default.
                if matches!(message, Message::Tensor) && field == 14 && value != Some(0) {
                    return true;
                }
            }
            1 => bytes = bytes.get(8..).unwrap_or_default(),
            5 => bytes = bytes.get(4..).unwrap_or_default(),
            2 => {
                let Some(length) = varint(&mut bytes).and_then(|n| usize::try_from(n).ok()) else {
                    return false;
                };
                let Some((body, rest)) = bytes.split_at_checked(length) else {
                    return false;
                };
                // `external_data`: the reference itself.
                if matches!(message, Message::Tensor) && field == 13 {
                    return true;
                }
                if let Some(child) = message.child(field)
                    && walk(body, child, depth + 1)
                {
                    return true;
                }
                bytes = rest;
            }
            _ => return false,
        }
    }
    false
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length-delimited field.
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(body.len()).unwrap()];
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn finds_a_reference_wherever_a_tensor_can_be() {
        // external_data { key: "location" value: "x" }
        let reference = field(13, &[field(1, b"location"), field(2, b"x")].concat());
        let initializer = field(7, &field(5, &reference));
        assert!(refers_to_files(&initializer), "graph.initializer");
        let attribute = field(7, &field(1, &field(5, &field(5, &reference))));
        assert!(refers_to_files(&attribute), "graph.node.attribute.t");
        let nested = field(6, &field(5, &reference));
        let nested = field(7, &field(1, &field(5, &nested)));
        assert!(refers_to_files(&nested), "a subgraph's initializer");
    }

    #[test]
    fn the_word_alone_is_no_reference() {
        // graph.name = "location"
        assert!(!refers_to_files(&field(7, &field(2, b"location"))));
        assert!(!refers_to_files(
            b"location and some noise \xff\xff\xff\xff"
        ));
    }
}
