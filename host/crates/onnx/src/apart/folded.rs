//! How much memory the constants take that ONNX Runtime computes from a model's other constants while it
//! loads it: a model of some bytes may ask for gigabytes.
//!
//! It is known for operators whose dimensions are foretold, and is a lower bound for a model.

use std::collections::HashMap;

use super::{
    node_gives,
    value::{MOST_KEPT, Value},
};

/// Bytes that one element is counted with; few models compute with larger ones.
const ELEMENT: u64 = 4;

/// Bytes of a model, and of the constants that it is known to compute when it is loaded.
pub fn model_size(model: &[u8]) -> u64 {
    let bytes = model.len() as u64;
    let Ok(graph) = crate::read(model) else {
        return bytes;
    };
    let opset = graph.opset.unwrap_or_default();
    let constants = graph.constants.iter();
    let mut values: HashMap<&str, Value> = constants
        .map(|tensor| (tensor.name, Value::constant(tensor)))
        .collect();
    // What is given by a caller is no constant, even where it has a value of its own.
    for input in &graph.inputs {
        if graph.ir_version >= 4 {
            values.remove(input.name);
        }
    }
    let mut computed = 0u64;
    let mut kept = 0;
    for node in &graph.nodes {
        // A node that takes anything else refuses, as does one that is not known.
        let Ok(given) = node_gives(node, opset, &values) else {
            continue;
        };
        for (name, value) in node.outputs.iter().zip(given) {
            kept += value.kept();
            if kept > MOST_KEPT {
                // It is a lower bound all the same.
                return bytes.saturating_add(computed);
            }
            // Those of a `Constant` are among the model's bytes.
            let elements = match node.operator {
                "Constant" => 0,
                _ => value.elements().unwrap_or(0),
            };
            computed = computed.saturating_add(elements.saturating_mul(ELEMENT));
            values.insert(name, value);
        }
    }
    bytes.saturating_add(computed)
}
