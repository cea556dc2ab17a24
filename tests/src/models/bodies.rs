//! The bodies of operators that have some.

use super::{
    element::Element,
    onnx::{declared, node},
    plan::Declared,
    wire::Message,
};

/// A body of this kind, for values of this type. `empty` has nothing, and `same` gives its own inputs back.
pub(super) fn body(kind: &str, state: Element) -> Message {
    let add = match state {
        Element::Bool | Element::Text => node("", "Identity", &["s"], &["t"]),
        _ => node("", "Add", &["s", "s"], &["t"]),
    };
    let same = |from, to| node("", "Identity", &[from], &[to]);
    let (i, c) = (("i", Element::I64), ("c", Element::Bool));
    let (s, e) = (("s", state), ("e", state));
    let (d, t, o) = (("d", Element::Bool), ("t", state), ("o", state));
    match kind {
        "outer" => graph(vec![same("x1", "o")], &[], &[o]),
        "loop" => graph(vec![same("c", "d"), add], &[i, c, s], &[d, t]),
        "loop_scan" => {
            let nodes = vec![same("c", "d"), add, same("s", "o")];
            graph(nodes, &[i, c, s], &[d, t, o])
        }
        "loop_counts" => {
            let nodes = vec![same("c", "d"), same("i", "o")];
            graph(nodes, &[i, c], &[d, ("o", Element::I64)])
        }
        "scan" => {
            let add = node("", "Add", &["s", "e"], &["t"]);
            graph(vec![add, same("e", "o")], &[s, e], &[t, o])
        }
        "map" => graph(vec![same("e", "o")], &[e], &[o]),
        "same" => graph(Vec::new(), &[i, c, s], &[c, s]),
        _ => graph(Vec::new(), &[], &[]),
    }
}

fn graph(nodes: Vec<Message>, inputs: &[(&str, Element)], outputs: &[(&str, Element)]) -> Message {
    let outlet = |(name, element): &(&str, Element)| {
        // What a loop counts and asks has no dimensions, and has to say so.
        let shape = match *name {
            "i" | "c" | "d" => Declared::Exact,
            _ => Declared::Rankless,
        };
        declared(name, *element, &shape, &[])
    };
    Message::new()
        .messages(1, nodes)
        .bytes(2, b"body")
        .messages(11, inputs.iter().map(outlet))
        .messages(12, outputs.iter().map(outlet))
}
