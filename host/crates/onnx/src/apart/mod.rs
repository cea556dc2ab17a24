//! Whether the rows of a run stay apart, read from a model's graph: so that the rows of several callers
//! may be put into one run, and each gets what it would have got alone.
//!
//! No trial can show that: a model that divides by the largest of all that came gives the right answer
//! for rows that are alike. So each node is looked at in turn. The first axis of every input counts
//! rows, and a table of operators says for each node whether the first axis of what it gives does, too.
//! What is not in the table, or cannot be told from the graph alone, is not proven, and a graph with it
//! is not merged unless the user says so. Nothing runs here.
//!
//! The same walk foretells how large values get, so that nothing is tried that would fill the memory.

mod call;
mod folded;
mod layout;
mod matrix;
mod operators;
mod pick;
mod pointwise;
mod reduce;
mod sized;
mod value;
mod window;

use std::collections::HashMap;

use self::{
    call::Call,
    value::{Dim, Value, Whole},
};
use crate::{Attribute, Graph, Node, text::shown};

pub use folded::model_size;

/// What an open dimension besides the rows' may be in a trial: a short text, a small picture, a
/// picture. The first that the model takes.
pub const OPEN: [u32; 3] = [16, 64, 224];

/// Outputs of one node, at most: each costs as much as its dimensions.
const MOST_OUTPUTS: usize = 1024;

/// What a model's graph says about its runs, before any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Whether rows stay apart; else the first node of which that is not known.
    pub apart: Result<(), String>,
    /// Elements of the largest value for one row, for each of [`OPEN`]; none where that is not known.
    pub a_row: [Option<u64>; OPEN.len()],
    /// Elements of the largest value in a run of one caller with open dimensions of the first of
    /// [`OPEN`]; none where that is not known.
    pub alone: Option<u64>,
    /// Whether what inputs hold, and not only how large they are, may decide how large values get.
    pub sized_by_contents: bool,
}

impl Findings {
    /// What is found in a model's bytes.
    pub fn of(model: &[u8]) -> Self {
        match crate::read(model) {
            Ok(graph) => Self {
                apart: walk(&graph, true, None).map(|_| ()).map_err(|why| why.0),
                a_row: OPEN.map(|open| walk(&graph, true, Some(open.into())).ok().flatten()),
                alone: walk(&graph, false, Some(OPEN[0].into())).ok().flatten(),
                sized_by_contents: sized::by_contents(&graph),
            },
            Err(unread) => Self::none(unread.0),
        }
    }

    /// Nothing is known of the graph.
    pub fn none(why: impl Into<String>) -> Self {
        Self {
            apart: Err(why.into()),
            a_row: [None; OPEN.len()],
            alone: None,
            sized_by_contents: true,
        }
    }
}

/// Why rows are not known to stay apart.
struct Refusal(String);

/// Looks at all nodes; gives the elements of the largest value, for one row where there are rows.
/// Without rows it asks of each node only whether it is in the table and what dimensions it gives.
fn walk<'a>(graph: &'a Graph<'a>, rows: bool, open: Option<u64>) -> Result<Option<u64>, Refusal> {
    let unknown = |why: String| Err(Refusal(why));
    if graph.functions {
        return unknown("it has functions of its own".to_owned());
    }
    let opset = match graph.opset {
        Some(opset) if operators::OPSETS.contains(&opset) => opset,
        Some(opset) => return unknown(format!("version {opset} of its operators is not known")),
        None => return unknown("it names no version of its operators".to_owned()),
    };
    let mut values: HashMap<&str, Value> = HashMap::new();
    for tensor in &graph.constants {
        // Twice, and it is not known which of them counts.
        if values
            .insert(tensor.name, Value::constant(tensor))
            .is_some()
        {
            return unknown(format!("two constants are named `{}`", shown(tensor.name)));
        }
    }
    for input in &graph.inputs {
        if values.contains_key(input.name) {
            // Up to version 3 of the format every constant is named among the inputs.
            if graph.ir_version < 4 {
                continue;
            }
            return unknown(format!(
                "its constant `{}` is an input, too, and may be given another value",
                shown(input.name)
            ));
        }
        let Some(dimensions) = &input.dimensions else {
            return unknown(format!(
                "the rank of its input `{}` is not known",
                shown(input.name)
            ));
        };
        if rows && dimensions.is_empty() {
            return unknown(format!(
                "its input `{}` has no first dimension",
                shown(input.name)
            ));
        }
        values.insert(input.name, Value::input(dimensions, rows, open));
    }
    let mut largest = Some(0);
    let mut kept = 0;
    for node in &graph.nodes {
        let given = node_gives(node, opset, &values).map_err(|why| at(node, &why))?;
        if given.len() < node.outputs.len() {
            return Err(at(node, &Refusal("it has too many outputs".to_owned())));
        }
        for (name, value) in node.outputs.iter().zip(given) {
            largest = largest
                .zip(value.elements())
                .map(|(most, this): (u64, u64)| most.max(this));
            kept += value.kept();
            if kept > value::MOST_KEPT {
                return unknown("it has too many values".to_owned());
            }
            if !name.is_empty() && values.insert(name, value).is_some() {
                return unknown(format!("two values are named `{}`", shown(name)));
            }
        }
    }
    for output in &graph.outputs {
        let value = values.get(output);
        if rows && !value.is_some_and(Value::has_rows) {
            return unknown(format!("its output `{}` has no rows", shown(output)));
        }
    }
    Ok(largest)
}

/// What a node gives, as far as it is bounded: lists of wholes that are longer than shapes are forgotten.
fn node_gives(
    node: &Node<'_>,
    opset: i64,
    values: &HashMap<&str, Value>,
) -> Result<Vec<Value>, Refusal> {
    let mut given = unbounded(node, opset, values)?;
    for value in &mut given {
        value.bound()?;
    }
    Ok(given)
}

fn unbounded(
    node: &Node<'_>,
    opset: i64,
    values: &HashMap<&str, Value>,
) -> Result<Vec<Value>, Refusal> {
    if node.domain.is_empty() && node.operator == "Constant" {
        return constant(node);
    }
    if node.outputs.len() > MOST_OUTPUTS {
        return Err(Refusal("it has too many outputs".to_owned()));
    }
    let mut inputs = Vec::new();
    for name in &node.inputs {
        inputs.push(match values.get(name) {
            _ if name.is_empty() => None,
            Some(value) if value.is_bounded() => Some(value),
            Some(_) => return Err(Refusal("an input of it has too many dimensions".to_owned())),
            None => {
                return Err(Refusal(format!(
                    "nothing before it gives `{}`",
                    shown(name)
                )));
            }
        });
    }
    let others = |attribute: &Attribute<'_>| matches!(attribute, Attribute::Other);
    if node.attributes.values().any(others) {
        return Err(Refusal("it has a graph within the graph".to_owned()));
    }
    let call = Call {
        node,
        opset,
        inputs,
    };
    // A list with the number of rows in it is followed where shapes are made and read, and nowhere else.
    let mut counts = false;
    for (place, input) in call.inputs.iter().enumerate() {
        if input.is_some_and(Value::counts_rows) && operators::shape_input(node) != Some(place) {
            if !operators::passes_shapes(node) {
                let why = "what it gives depends on the number of rows";
                return Err(Refusal(why.to_owned()));
            }
            counts = true;
        }
    }
    let given = operators::apply(&call)?;
    if counts && given.iter().any(|value| value.wholes.is_none()) {
        return Err(Refusal(
            "what becomes of the number of rows is not known".to_owned(),
        ));
    }
    Ok(given)
}

fn constant(node: &Node<'_>) -> Result<Vec<Value>, Refusal> {
    let known = |wholes: &[i64]| wholes.iter().copied().map(Whole::Known).collect();
    if node.attributes.len() > 1 {
        // ONNX Runtime takes the first in the file, whatever its name.
        return Err(Refusal("it has several values".to_owned()));
    }
    let value = match node.attributes.iter().next() {
        Some((&"value", Attribute::Tensor(tensor))) => Value::constant(tensor),
        Some((&"value_int", Attribute::Whole(number))) => Value {
            wholes: Some(known(&[*number])),
            ..Value::of(Vec::new())
        },
        Some((&"value_ints", Attribute::Wholes(numbers))) => Value::list(known(numbers)),
        Some((&"value_float", Attribute::Real(number))) => Value {
            reals: Some(vec![*number]),
            ..Value::of(Vec::new())
        },
        Some((&"value_floats", Attribute::Reals(numbers))) => Value {
            reals: Some(numbers.clone()),
            ..Value::of(vec![Dim::Known(numbers.len() as u64)])
        },
        _ => {
            return Err(Refusal(
                "its value is of a kind that is not read".to_owned(),
            ));
        }
    };
    Ok(vec![value])
}

/// Names the node, by its operator and what it gives.
fn at(node: &Node<'_>, why: &Refusal) -> Refusal {
    let output = node.outputs.first().copied().unwrap_or_default();
    let (operator, output) = (shown(node.operator), shown(output));
    Refusal(format!(
        "its node `{operator}` that gives `{output}`: {}",
        why.0
    ))
}
