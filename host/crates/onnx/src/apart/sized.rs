//! Whether what the inputs of a graph hold may decide how large its values get: whole numbers that are
//! shapes, counts and bounds. Such a graph is not run on made-up numbers.

use std::collections::HashSet;

use crate::{Attribute, Graph, Node};

/// Whether an input's contents reach a place that decides the size of something.
pub(super) fn by_contents(graph: &Graph<'_>) -> bool {
    if graph.functions {
        return true;
    }
    let mut held: HashSet<&str> = graph.inputs.iter().map(|input| input.name).collect();
    for node in &graph.nodes {
        let inner = |attribute: &Attribute<'_>| matches!(attribute, Attribute::Other);
        if node.attributes.values().any(inner) {
            return true;
        }
        let mut inputs = node.inputs.iter().enumerate();
        if inputs.any(|(place, name)| held.contains(name) && decides(node, place)) {
            return true;
        }
        // The dimensions of a value are not what it holds.
        if !matches!(node.operator, "Shape" | "Size")
            && node.inputs.iter().any(|name| held.contains(name))
        {
            held.extend(node.outputs.iter().copied());
        }
    }
    false
}

/// Whether what this input holds decides how large the node's outputs are.
fn decides(node: &Node<'_>, place: usize) -> bool {
    if !matches!(node.domain, "" | "com.microsoft" | "ai.onnx.ml") {
        return true;
    }
    match node.operator {
        "ConstantOfShape" | "Range" | "Multinomial" | "Bernoulli" | "SequenceAt" | "Col2Im"
        | "MelWeightMatrix" | "HannWindow" | "HammingWindow" | "BlackmanWindow" => true,
        "Reshape" | "Expand" | "Tile" | "Slice" | "Split" | "SplitToSequence" | "TopK"
        | "OneHot" | "Pad" | "Resize" | "Upsample" | "AffineGrid" | "CenterCropPad"
        | "MaxUnpool" | "DFT" | "STFT" | "Squeeze" | "Unsqueeze" | "RepeatInterleave" => place > 0,
        _ => false,
    }
}
