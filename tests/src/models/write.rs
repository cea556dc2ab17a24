//! Writes a plan as a model, with what a caller gives it.
//!
//! The operator is one node. Before and after it come nodes that only carry: a cast from and to a type that
//! wasi-nn has, and what makes a sequence or an optional value of a tensor, and a tensor of these.

use super::{
    Case, Input, bodies,
    element::{Element, Number},
    onnx::{declared, node, number_attribute, tensor},
    plan::{Attribute, Declared, Fill, Operand, Output, Plan, Source, Value},
    random::Random,
    table::Wrap,
    wire::Message,
};

/// A tensor has at most this many bytes.
const MOST_BYTES: usize = 1 << 20;

/// The model and its inputs.
pub(super) fn case(random: &mut Random, plan: &Plan) -> Case {
    let mut graph = Parts::default();
    let mut said = Vec::new();
    let mut names = Vec::new();
    for (place, operand) in plan.operands.iter().enumerate() {
        if operand.source == Source::None {
            if !operand.outer {
                names.push(String::new());
                said.push("-".to_owned());
            }
            continue;
        }
        let dimensions = bounded(operand);
        said.push(describe(operand, &dimensions));
        let name = graph.operand(random, place, operand, dimensions);
        if !operand.outer {
            names.push(name);
        }
    }
    let state = plan.operands.last();
    let state = state.map_or(Element::Fp32, |operand| operand.element);
    let attributes = plan.attributes.iter().map(|one| attribute(one, state));
    let outputs: Vec<_> = (0..)
        .zip(&plan.outputs)
        .map(|(place, output): (usize, _)| match output.present {
            true => format!("y{place}"),
            false => String::new(),
        })
        .collect();
    let node = node(plan.domain, plan.name, &names, &outputs).messages(5, attributes);
    graph.nodes.push(node);
    for (place, output) in plan.outputs.iter().enumerate() {
        if output.present {
            graph.output(place, output);
        }
    }
    let mut what = format!("{} (version {}", plan.name, plan.version);
    if !plan.domain.is_empty() {
        what.push_str(&format!(" of {}", plan.domain));
    }
    what.push_str(&format!(") of {}", said.join(", ")));
    for (place, Attribute { name, value }) in plan.attributes.iter().enumerate() {
        let with = if place == 0 { "with" } else { "and" };
        let value = shown(value);
        what.push_str(&format!(" {with} {name} {value}"));
    }
    let inputs = std::mem::take(&mut graph.inputs);
    Case {
        what,
        model: graph.model(plan),
        inputs,
    }
}

/// What a graph is made of.
#[derive(Default)]
struct Parts {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    /// What callers may give, and what they do.
    declared: Vec<Message>,
    inputs: Vec<Input>,
    outputs: Vec<Message>,
}

impl Parts {
    /// Adds what an operand needs; the name of the value that the operator is given.
    fn operand(
        &mut self,
        random: &mut Random,
        place: usize,
        operand: &Operand,
        dimensions: Vec<u32>,
    ) -> String {
        let mut name = format!("x{place}");
        let count = dimensions.iter().map(|&one| one as usize).product();
        let element = operand.element;
        if operand.source == Source::Caller {
            let (carrier, ty) = element.carrier();
            let mut bytes = Vec::new();
            for value in values(random, &operand.fill, element, count) {
                carrier.append(&mut bytes, value);
            }
            let declared = declared(&name, carrier, &operand.declared, &dimensions);
            self.declared.push(declared);
            self.inputs.push(Input {
                name: name.clone(),
                ty,
                dimensions,
                bytes,
            });
            if carrier != element {
                let cast = format!("c{place}");
                self.cast(&name, &cast, element);
                name = cast;
            }
        } else {
            if operand.source == Source::Default {
                let declared = declared(&name, element, &operand.declared, &dimensions);
                self.declared.push(declared);
            }
            let values = values(random, &operand.fill, element, count).collect::<Vec<_>>();
            let dimensions: Vec<_> = dimensions.into_iter().map(i64::from).collect();
            let compact = random.chance(20);
            let tensor = tensor(element, &dimensions, &values, compact).bytes(8, name.as_bytes());
            self.constants.push(tensor);
        }
        let wrapped = format!("w{place}");
        match operand.wrap {
            Wrap::Tensor => return name,
            Wrap::Sequence => {
                let count = 1 + random.below(3);
                let names = vec![name; count];
                self.nodes
                    .push(node("", "SequenceConstruct", &names, &[&wrapped]));
            }
            Wrap::Optional => self.nodes.push(node("", "Optional", &[name], &[&wrapped])),
        }
        wrapped
    }

    fn cast(&mut self, from: &str, to: &str, element: Element) {
        let to_element = number_attribute("to", element.number());
        let cast = node("", "Cast", &[from], &[to]).message(5, to_element);
        self.nodes.push(cast);
    }

    /// Adds what makes a tensor that wasi-nn has of an output.
    fn output(&mut self, place: usize, output: &Output) {
        let (value, last) = (format!("y{place}"), format!("o{place}"));
        let (name, element) = match (output.wrap, output.element) {
            (Wrap::Sequence, _) => {
                self.nodes
                    .push(node("", "SequenceLength", &[value], &[&last]));
                (last, Some(Element::I64))
            }
            (Wrap::Optional, _) => {
                let has = format!("h{place}");
                self.nodes
                    .push(node("", "OptionalHasElement", &[value], &[&has]));
                self.cast(&has, &last, Element::U8);
                (last, Some(Element::U8))
            }
            (_, Some(Element::Text)) => {
                self.nodes.push(node("", "Shape", &[value], &[&last]));
                (last, Some(Element::I64))
            }
            (_, Some(element)) if element.tensor_type().is_none() => {
                self.cast(&value, &last, Element::Fp32);
                (last, Some(Element::Fp32))
            }
            (_, element) => (value, element),
        };
        let typed = element.filter(|_| output.typed);
        let rankless = Declared::Rankless;
        self.outputs.push(match typed {
            Some(element) => declared(&name, element, &rankless, &[]),
            None => Message::new().bytes(1, name.as_bytes()),
        });
    }

    fn model(self, plan: &Plan) -> Vec<u8> {
        let graph = Message::new()
            .messages(1, self.nodes)
            .bytes(2, b"case")
            .messages(5, self.constants)
            .messages(11, self.declared)
            .messages(12, self.outputs);
        let own =
            |domain: &str, version| Message::new().bytes(1, domain.as_bytes()).int(2, version);
        let mut domains = vec![own(plan.domain, plan.version)];
        if !plan.domain.is_empty() {
            domains.push(own("", 17));
        }
        Message::new()
            .int(1, 8)
            .message(7, graph)
            .messages(8, domains)
            .into_bytes()
    }
}

fn attribute(attribute: &Attribute, state: Element) -> Message {
    let named = Message::new().bytes(1, attribute.name.as_bytes());
    match &attribute.value {
        Value::Int(value) => number_attribute(&attribute.name, *value),
        Value::Float(value) => named.float(2, *value as f32).int(20, 1),
        Value::Text(value) => named.bytes(4, value.as_bytes()).int(20, 3),
        Value::Tensor(element, values) => {
            let length = [values.len() as i64];
            let tensor = tensor(*element, &length, values, false);
            named.message(5, tensor).int(20, 4)
        }
        Value::Body(kind) => named.message(6, bodies::body(kind, state)).int(20, 5),
        Value::Floats(values) => {
            let all = values.iter();
            let written = all.fold(named, |whole, &value| whole.float(7, value as f32));
            written.int(20, 6)
        }
        Value::Ints(values) => {
            let all = values.iter();
            all.fold(named, |whole, &value| whole.int(8, value))
                .int(20, 7)
        }
        Value::Texts(values) => named.texts(9, values).int(20, 8),
    }
}

/// The dimensions of an operand, with less in them where it would be too large.
fn bounded(operand: &Operand) -> Vec<u32> {
    let mut dimensions = operand.dimensions.clone();
    let size = operand
        .element
        .size()
        .max(operand.element.carrier().0.size());
    // A product that holds even a zero must not be too large without it: nobody says in which order one counts.
    let too_large = |dimensions: &[u32]| {
        let each = dimensions.iter().map(|&one| u64::from(one.max(1)));
        let count = each.fold(1u64, u64::saturating_mul);
        count > (MOST_BYTES / size) as u64
    };
    while too_large(&dimensions) {
        match dimensions.iter_mut().max() {
            Some(largest) => *largest /= 2,
            None => break,
        }
    }
    dimensions
}

fn values<'a>(
    random: &'a mut Random,
    fill: &'a Fill,
    element: Element,
    count: usize,
) -> impl Iterator<Item = Number> + 'a {
    let whole = matches!(element, Element::Bool | Element::Text);
    (0..count).map(move |place| match fill {
        Fill::Small if whole => Number::Int(random.below(2) as i64),
        Fill::Small => Number::small(random),
        Fill::Extreme if random.chance(40) => Number::small(random),
        Fill::Extreme => Number::extreme(random),
        Fill::Below(below) => Number::Int(random.below(*below as usize) as i64),
        Fill::List(list) => {
            let place = place.checked_rem(list.len());
            let value = place.and_then(|place| list.get(place));
            value.copied().unwrap_or_default()
        }
    })
}

fn describe(operand: &Operand, dimensions: &[u32]) -> String {
    let element = match operand.element.tensor_type() {
        Some(ty) => ty.to_string(),
        None => format!("{:?}", operand.element).to_lowercase(),
    };
    let mut text = match operand.wrap {
        Wrap::Tensor => String::new(),
        Wrap::Sequence => "a sequence of ".to_owned(),
        Wrap::Optional => "an optional ".to_owned(),
    };
    if operand.outer {
        text.push_str("outer ");
    }
    if operand.source != Source::Caller {
        text.push_str("constant ");
    }
    text.push_str(&format!("{element}{dimensions:?}"));
    match &operand.fill {
        Fill::Small => (),
        Fill::Extreme => text.push_str(" of extremes"),
        Fill::Below(below) => text.push_str(&format!(" below {below}")),
        Fill::List(list) => {
            let list = list.iter().map(|one| match one {
                Number::Int(value) => value.to_string(),
                Number::Float(value) => value.to_string(),
            });
            let list: Vec<_> = list.collect();
            text.push_str(&format!(" = {}", list.join(", ")));
        }
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => format!("{:?}", value.get(..40).unwrap_or(value)),
        Value::Floats(values) => format!("{values:?}"),
        Value::Ints(values) => format!("{values:?}"),
        Value::Texts(values) => format!("{} texts", values.len()),
        Value::Tensor(element, values) => format!("{element:?}[{}]", values.len()),
        Value::Body(kind) => format!("a body `{kind}`"),
    }
}
