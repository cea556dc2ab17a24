//! The graph of a model, read from its bytes: nodes, constants, inputs and outputs, borrowed from the
//! bytes wherever they can be.
//!
//! It reads what a proof over the graph needs, and gives none of it where the bytes could be understood
//! in two ways: a message that may occur once and occurs twice (protobuf merges them), a text that is
//! not UTF-8, an attribute given twice. It judges no operator.

use std::collections::BTreeMap;

use super::wire::{Fields, Malformed, Value};

/// Elements of a constant that are looked at, at most: axes, shapes, scales. Weights have more.
const SMALL: i64 = 64;

/// Dimensions of one tensor, at most.
const RANK: usize = 64;

/// Why the graph of a model was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread(pub(crate) &'static str);

impl From<Malformed> for Unread {
    fn from(_: Malformed) -> Self {
        Unread("its bytes cannot be followed")
    }
}

/// A model's graph.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    pub(crate) ir_version: i64,
    /// The version of ONNX's own operators; none where the model names none.
    pub(crate) opset: Option<i64>,
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) constants: Vec<Tensor<'a>>,
    pub(crate) inputs: Vec<Input<'a>>,
    pub(crate) outputs: Vec<&'a str>,
    /// Whether it has functions of its own, which may stand for any operator.
    pub(crate) functions: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Node<'a> {
    pub(crate) domain: &'a str,
    pub(crate) operator: &'a str,
    /// An input that is left out is empty.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    pub(crate) attributes: BTreeMap<&'a str, Attribute<'a>>,
}

#[derive(Debug)]
pub(crate) enum Attribute<'a> {
    Whole(i64),
    Wholes(Vec<i64>),
    Real(f32),
    Reals(Vec<f32>),
    Text(&'a [u8]),
    Tensor(Tensor<'a>),
    /// A graph within the graph, or something else that is not looked into.
    Other,
}

/// One dimension of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Fixed(u64),
    Open,
}

#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) name: &'a str,
    /// None where the model does not say.
    pub(crate) dimensions: Option<Vec<Dimension>>,
}

/// A constant tensor.
#[derive(Debug, Default)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) dimensions: Vec<u64>,
    ty: i64,
    raw: Option<&'a [u8]>,
    /// The fields of typed data, while they are few.
    typed: Vec<(u32, Value<'a>)>,
    elsewhere: bool,
}

const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;

impl Tensor<'_> {
    fn is_small(&self) -> bool {
        let elements = self
            .dimensions
            .iter()
            .try_fold(1u64, |product, &dimension| product.checked_mul(dimension));
        !self.elsewhere && elements.is_some_and(|elements| elements <= SMALL as u64)
    }

    fn elements(&self) -> usize {
        self.dimensions.iter().product::<u64>() as usize
    }

    /// Its elements, where they are few whole numbers.
    pub(crate) fn wholes(&self) -> Option<Vec<i64>> {
        if !self.is_small() {
            return None;
        }
        let mut wholes = Vec::new();
        match (self.ty, self.raw) {
            (INT64, Some(raw)) => {
                let (numbers, rest) = raw.as_chunks::<8>();
                wholes.extend(numbers.iter().map(|bytes| i64::from_le_bytes(*bytes)));
                rest.is_empty().then_some(())?;
            }
            (INT32, Some(raw)) => {
                let (numbers, rest) = raw.as_chunks::<4>();
                let numbers = numbers.iter().map(|bytes| i32::from_le_bytes(*bytes));
                wholes.extend(numbers.map(i64::from));
                rest.is_empty().then_some(())?;
            }
            (INT64 | INT32, None) => {
                let of = if self.ty == INT64 { 7 } else { 5 };
                for (field, value) in &self.typed {
                    if *field == of {
                        value.numbers(&mut wholes).ok()?;
                    }
                }
                if self.ty == INT32 {
                    wholes
                        .iter_mut()
                        .for_each(|whole| *whole = i64::from(*whole as i32));
                }
            }
            _ => return None,
        }
        (wholes.len() == self.elements()).then_some(wholes)
    }

    /// Its elements, where they are few single-precision numbers.
    pub(crate) fn reals(&self) -> Option<Vec<f32>> {
        if !self.is_small() || self.ty != FLOAT {
            return None;
        }
        let mut bytes = Vec::new();
        match self.raw {
            Some(raw) => bytes.extend_from_slice(raw),
            None => {
                for (field, value) in &self.typed {
                    match (field, value) {
                        (4, Value::Bytes(packed)) => bytes.extend_from_slice(packed),
                        (4, Value::Fixed32(one)) => bytes.extend_from_slice(one),
                        _ => {}
                    }
                }
            }
        }
        let (numbers, rest) = bytes.as_chunks::<4>();
        let reals: Vec<f32> = numbers.iter().map(|one| f32::from_le_bytes(*one)).collect();
        (rest.is_empty() && reals.len() == self.elements()).then_some(reals)
    }
}

/// Reads a model's graph.
///
/// # Errors
///
/// Bytes that are no model, or that could be understood in two ways.
pub(crate) fn read(model: &[u8]) -> Result<Graph<'_>, Unread> {
    let mut graph = Graph::default();
    let mut seen = false;
    for field in Fields::of(model) {
        match field? {
            (1, Value::Varint(version)) => graph.ir_version = version.cast_signed(),
            (7, Value::Bytes(body)) => {
                once(&mut seen)?;
                read_graph(body, &mut graph)?;
            }
            (8, Value::Bytes(body)) => {
                let (mut domain, mut version) = ("", 0);
                for field in Fields::of(body) {
                    match field? {
                        (1, value @ Value::Bytes(_)) => domain = text(value)?,
                        (2, Value::Varint(number)) => version = number.cast_signed(),
                        _ => {}
                    }
                }
                if matches!(domain, "" | "ai.onnx") && graph.opset.replace(version).is_some() {
                    return Err(Unread("it names the version of its operators twice"));
                }
            }
            (25, Value::Bytes(_)) => graph.functions = true,
            _ => {}
        }
    }
    if seen {
        Ok(graph)
    } else {
        Err(Unread("it has no graph"))
    }
}

fn once(seen: &mut bool) -> Result<(), Unread> {
    if std::mem::replace(seen, true) {
        return Err(Unread("a part of it is given twice"));
    }
    Ok(())
}

fn text(value: Value<'_>) -> Result<&str, Unread> {
    value.text().ok_or(Unread("a name in it is not UTF-8"))
}

fn read_graph<'a>(body: &'a [u8], graph: &mut Graph<'a>) -> Result<(), Unread> {
    for field in Fields::of(body) {
        match field? {
            (1, Value::Bytes(body)) => graph.nodes.push(node(body)?),
            (5, Value::Bytes(body)) => graph.constants.push(tensor(body)?),
            (11, Value::Bytes(body)) => graph.inputs.push(input(body)?),
            (12, Value::Bytes(body)) => graph.outputs.push(input(body)?.name),
            (15, Value::Bytes(_)) => return Err(Unread("it has sparse weights")),
            _ => {}
        }
    }
    Ok(())
}

fn node(body: &[u8]) -> Result<Node<'_>, Unread> {
    let mut node = Node::default();
    for field in Fields::of(body) {
        match field? {
            (1, value @ Value::Bytes(_)) => node.inputs.push(text(value)?),
            (2, value @ Value::Bytes(_)) => node.outputs.push(text(value)?),
            (4, value @ Value::Bytes(_)) => node.operator = text(value)?,
            (5, Value::Bytes(body)) => {
                let (name, attribute) = attribute(body)?;
                if node.attributes.insert(name, attribute).is_some() {
                    return Err(Unread("an attribute in it is given twice"));
                }
            }
            (7, value @ Value::Bytes(_)) => node.domain = text(value)?,
            // An overload, which only a function has.
            (8, Value::Bytes(overload)) if !overload.is_empty() => {
                return Err(Unread("a node in it stands for a function"));
            }
            _ => {}
        }
    }
    if node.domain == "ai.onnx" {
        node.domain = "";
    }
    Ok(node)
}

fn attribute(body: &[u8]) -> Result<(&str, Attribute<'_>), Unread> {
    let (mut name, mut ty, mut whole, mut real) = ("", 0, 0, 0f32);
    let (mut wholes, mut reals) = (Vec::new(), Vec::new());
    let (mut words, mut constant) = (&[][..], None);
    let mut seen = false;
    for field in Fields::of(body) {
        match field? {
            (1, value @ Value::Bytes(_)) => name = text(value)?,
            (2, Value::Fixed32(bytes)) => real = f32::from_le_bytes(bytes),
            (3, Value::Varint(number)) => whole = number.cast_signed(),
            (4, Value::Bytes(bytes)) => words = bytes,
            (5, Value::Bytes(body)) => {
                once(&mut seen)?;
                constant = Some(tensor(body)?);
            }
            (7, Value::Fixed32(bytes)) => reals.push(f32::from_le_bytes(bytes)),
            (7, Value::Bytes(packed)) => {
                let (numbers, rest) = packed.as_chunks::<4>();
                reals.extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
                if !rest.is_empty() {
                    return Err(Malformed.into());
                }
            }
            (8, value) => value.numbers(&mut wholes)?,
            (20, Value::Varint(number)) => ty = number,
            (21, Value::Bytes(_)) => return Err(Unread("an attribute in it is a function's")),
            _ => {}
        }
    }
    let attribute = match (ty, constant) {
        (1, _) => Attribute::Real(real),
        (2, _) => Attribute::Whole(whole),
        (3, _) => Attribute::Text(words),
        (4, Some(tensor)) => Attribute::Tensor(tensor),
        (6, _) => Attribute::Reals(reals),
        (7, _) => Attribute::Wholes(wholes),
        _ => Attribute::Other,
    };
    Ok((name, attribute))
}

fn tensor(body: &[u8]) -> Result<Tensor<'_>, Unread> {
    let (mut tensor, mut dimensions) = (Tensor::default(), Vec::new());
    for field in Fields::of(body) {
        match field? {
            (1, value) => value.numbers(&mut dimensions)?,
            (2, Value::Varint(ty)) => tensor.ty = i64::from(ty as i32),
            (3, Value::Bytes(_)) => return Err(Unread("a tensor in it is a segment of another")),
            (field @ (4 | 5 | 7), value) if tensor.typed.len() as i64 <= SMALL => {
                tensor.typed.push((field, value));
            }
            (8, value @ Value::Bytes(_)) => tensor.name = text(value)?,
            (9, Value::Bytes(raw)) => tensor.raw = Some(raw),
            (13, Value::Bytes(_)) => tensor.elsewhere = true,
            (14, Value::Varint(place)) if place != 0 => tensor.elsewhere = true,
            _ => {}
        }
    }
    if dimensions.len() > RANK {
        return Err(Unread(
            "a tensor in it has more dimensions than operators take",
        ));
    }
    let dimensions = dimensions.into_iter().map(u64::try_from);
    tensor.dimensions = dimensions
        .collect::<Result<_, _>>()
        .map_err(|_| Unread("a tensor in it has a negative dimension"))?;
    Ok(tensor)
}

/// An input or output: `ValueInfoProto`.
fn input(body: &[u8]) -> Result<Input<'_>, Unread> {
    let (mut name, mut dimensions) = ("", None);
    let mut seen = false;
    for field in Fields::of(body) {
        match field? {
            (1, value @ Value::Bytes(_)) => name = text(value)?,
            (2, Value::Bytes(ty)) => {
                once(&mut seen)?;
                if let Some(tensor) = only(ty, 1)?
                    && let Some(shape) = only(tensor, 2)?
                {
                    dimensions = Some(shape_of(shape)?);
                }
            }
            _ => {}
        }
    }
    Ok(Input { name, dimensions })
}

/// The one message in a field.
fn only(body: &[u8], number: u32) -> Result<Option<&[u8]>, Unread> {
    let (mut seen, mut found) = (false, None);
    for field in Fields::of(body) {
        if let (field, Value::Bytes(inner)) = field?
            && field == number
        {
            once(&mut seen)?;
            found = Some(inner);
        }
    }
    Ok(found)
}

fn shape_of(body: &[u8]) -> Result<Vec<Dimension>, Unread> {
    let mut dimensions = Vec::new();
    for field in Fields::of(body) {
        let (1, Value::Bytes(dimension)) = field? else {
            continue;
        };
        let mut this = Dimension::Open;
        for field in Fields::of(dimension) {
            // Of a value and a name the last one counts.
            match field? {
                (1, value) if value.number().is_some() => {
                    let number = value.number().and_then(|number| u64::try_from(number).ok());
                    this = number.map_or(Dimension::Open, Dimension::Fixed);
                }
                (2, Value::Bytes(_)) => this = Dimension::Open,
                _ => {}
            }
        }
        dimensions.push(this);
    }
    if dimensions.len() > RANK {
        return Err(Unread(
            "an input of it has more dimensions than operators take",
        ));
    }
    Ok(dimensions)
}
