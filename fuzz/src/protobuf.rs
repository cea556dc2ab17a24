//! An independent reading of a model, slow and lenient: whether any tensor in it keeps its elements
//! elsewhere.
//!
//! The host's reader is quick and strict, and refuses what it does not follow. This one follows what
//! protobuf's own parsers follow (groups, fields in any order, a message in several pieces, numbers
//! in more bytes than they need) and does not stop at what it cannot read: it takes what came before
//! for granted, as a parser that reports a failure late would. So whatever the host accepts, this must
//! find nothing in.

/// The messages of ONNX that lead to tensors, and the fields that lead on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Graph,
    Function,
    Node,
    Attribute,
    Sparse,
    Tensor,
}

/// (message, field, message in it), as `onnx.proto` has them.
const LEADS: [(Message, u64, Message); 19] = {
    use Message::{Attribute, Function, Graph, Model, Node, Sparse, Tensor, Training};
    [
        (Model, 7, Graph),
        (Model, 20, Training),
        (Model, 25, Function),
        (Training, 1, Graph),
        (Training, 2, Graph),
        (Graph, 1, Node),
        (Graph, 5, Tensor),
        (Graph, 15, Sparse),
        (Function, 7, Node),
        (Function, 11, Attribute),
        (Node, 5, Attribute),
        (Attribute, 5, Tensor),
        (Attribute, 6, Graph),
        (Attribute, 10, Tensor),
        (Attribute, 11, Graph),
        (Attribute, 22, Sparse),
        (Attribute, 23, Sparse),
        (Sparse, 1, Tensor),
        (Sparse, 2, Tensor),
    ]
};

/// `TensorProto.external_data` and `TensorProto.data_location`.
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;
/// As deep as protobuf's own parsers go by default.
const DEPTH: usize = 100;

/// Whether any tensor says that its elements are elsewhere.
pub fn keeps_elements_elsewhere(model: &[u8]) -> bool {
    message(&mut Bytes(model), Message::Model, 0)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for place in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(7 * place).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Reads one message; true as soon as such a tensor is found.
fn message(bytes: &mut Bytes<'_>, kind: Message, depth: usize) -> bool {
    if depth > DEPTH {
        return false;
    }
    while let Some(tag) = bytes.number() {
        // A tag has 32 bits.
        let tag = tag & 0xffff_ffff;
        let (field, wire) = (tag >> 3, tag & 7);
        let found = match wire {
            0 => match bytes.number() {
                Some(value) => {
                    kind == Message::Tensor && field == DATA_LOCATION && value as u32 == 1
                }
                None => return false,
            },
            1 => {
                if bytes.take(8).is_none() {
                    return false;
                }
                false
            }
            2 => {
                let Some(body) = bytes.number().and_then(|count| bytes.take(count)) else {
                    return false;
                };
                let lead = LEADS
                    .iter()
                    .find(|(from, by, _)| *from == kind && *by == field);
                kind == Message::Tensor && field == EXTERNAL_DATA
                    || lead.is_some_and(|(.., to)| message(&mut Bytes(body), *to, depth + 1))
            }
            // ONNX has no groups: each is an unknown field.
            3 => {
                if !skip_group(bytes, field, depth + 1) {
                    return false;
                }
                false
            }
            5 => {
                if bytes.take(4).is_none() {
                    return false;
                }
                false
            }
            _ => return false,
        };
        if found {
            return true;
        }
    }
    false
}

/// Skips a group with all that is in it; whether it had an end.
fn skip_group(bytes: &mut Bytes<'_>, field: u64, depth: usize) -> bool {
    let mut open = vec![field];
    while let Some(&innermost) = open.last() {
        let Some(tag) = bytes.number() else {
            return false;
        };
        let (field, wire) = ((tag & 0xffff_ffff) >> 3, tag & 7);
        let read = match wire {
            0 => bytes.number().is_some(),
            1 => bytes.take(8).is_some(),
            2 => bytes.number().and_then(|count| bytes.take(count)).is_some(),
            3 => {
                open.push(field);
                open.len() + depth <= DEPTH
            }
            4 => {
                open.pop();
                field == innermost
            }
            5 => bytes.take(4).is_some(),
            _ => false,
        };
        if !read {
            return false;
        }
    }
    true
}
