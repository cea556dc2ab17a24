//! Messages of ONNX: a node, an input or output, a tensor, an attribute.

use super::{
    element::{Element, Number},
    plan::Declared,
    wire::Message,
};

/// A node without attributes.
pub(super) fn node(
    domain: &str,
    name: &str,
    inputs: &[impl AsRef<str>],
    outputs: &[impl AsRef<str>],
) -> Message {
    let node = Message::new()
        .texts(1, inputs.iter().map(|one| one.as_ref()))
        .texts(2, outputs.iter().map(|one| one.as_ref()))
        .bytes(4, name.as_bytes());
    match domain {
        "" => node,
        domain => node.bytes(7, domain.as_bytes()),
    }
}

/// An input or output: its name, its type and what is said of its dimensions.
pub(super) fn declared(
    name: &str,
    element: Element,
    declared: &Declared,
    dimensions: &[u32],
) -> Message {
    let size = |value| Message::new().int(1, value);
    let all = match declared {
        Declared::Exact => Some(dimensions.iter().map(|&one| size(i64::from(one))).collect()),
        Declared::Symbols => {
            let symbols = ["batch", "time", "width"].iter().cycle();
            let symbols = symbols.zip(dimensions);
            Some(
                symbols
                    .map(|(one, _)| Message::new().bytes(2, one.as_bytes()))
                    .collect(),
            )
        }
        Declared::Unknown => Some(dimensions.iter().map(|_| Message::new()).collect()),
        Declared::Rankless => None::<Vec<_>>,
        Declared::Other(other) => Some(other.iter().map(|&one| size(one)).collect()),
    };
    let mut tensor = Message::new().int(1, element.number());
    if let Some(all) = all {
        tensor = tensor.message(2, Message::new().messages(1, all));
    }
    Message::new()
        .bytes(1, name.as_bytes())
        .message(2, Message::new().message(1, tensor))
}

/// A tensor without a name; in fields of its type where there are some and it is to be compact.
pub(super) fn tensor(
    element: Element,
    dimensions: &[i64],
    values: &[Number],
    compact: bool,
) -> Message {
    let mut tensor = Message::new();
    for &dimension in dimensions {
        tensor = tensor.int(1, dimension);
    }
    let tensor = tensor.int(2, element.number());
    let mut bytes = Vec::new();
    for &value in values {
        element.append(&mut bytes, value);
    }
    match element {
        Element::Text => tensor.texts(6, values.iter().map(|one| one.int().to_string())),
        Element::Fp32 if compact => tensor.bytes(4, &bytes),
        Element::I64 if compact => {
            let values: Vec<_> = values.iter().map(|one| one.int()).collect();
            tensor.packed(7, &values)
        }
        _ => tensor.bytes(9, &bytes),
    }
}

/// An attribute that is a number.
pub(super) fn number_attribute(name: &str, value: i64) -> Message {
    Message::new()
        .bytes(1, name.as_bytes())
        .int(3, value)
        .int(20, 2)
}
