//! What a case is going to be: an operator's line of the table with all that is open in it decided.

use std::collections::BTreeMap;

use super::{
    element::{ALL, Element, Number},
    random::Random,
    table::{AttributeSpec, OperandSpec, Operator, Variant, Wrap},
};

/// An operator with its operands, outputs and attributes.
pub(super) struct Plan {
    pub(super) domain: &'static str,
    pub(super) name: &'static str,
    /// The version of the domain.
    pub(super) version: i64,
    pub(super) operands: Vec<Operand>,
    pub(super) outputs: Vec<Output>,
    pub(super) attributes: Vec<Attribute>,
}

/// A tensor, or what is made of one, that an operator is given.
#[derive(Clone)]
pub(super) struct Operand {
    pub(super) wrap: Wrap,
    pub(super) element: Element,
    pub(super) dimensions: Vec<u32>,
    pub(super) fill: Fill,
    pub(super) declared: Declared,
    /// Where its values are from.
    pub(super) source: Source,
    /// Whether it is a value of the graph only, for bodies.
    pub(super) outer: bool,
}

/// Where the values of a tensor are from.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// The caller.
    #[default]
    Caller,
    /// The model.
    Model,
    /// The model; a caller may give others, and does not.
    Default,
    /// It is left out.
    None,
}

/// The values of a tensor.
#[derive(Clone)]
pub(super) enum Fill {
    Small,
    Extreme,
    Below(u32),
    /// These, over and over.
    List(Vec<Number>),
}

/// What a model says about the dimensions of an input.
#[derive(Clone)]
pub(super) enum Declared {
    Exact,
    Symbols,
    Unknown,
    Rankless,
    Other(Vec<i64>),
}

#[derive(Clone)]
pub(super) struct Output {
    pub(super) wrap: Wrap,
    /// None: it is not known here.
    pub(super) element: Option<Element>,
    pub(super) present: bool,
    /// Whether the model says what type it has.
    pub(super) typed: bool,
}

#[derive(Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Float(f64),
    Int(i64),
    Text(String),
    Floats(Vec<f64>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
    Tensor(Element, Vec<Number>),
    /// A body of this kind.
    Body(String),
}

/// Decides what is open in one variant of an operator.
pub(super) fn plan(random: &mut Random, operator: &Operator, mood: Mood) -> Plan {
    let variant = operator.variants.get(random.below(operator.variants.len()));
    let empty = Variant {
        versions: (13, 13),
        operands: Vec::new(),
        outputs: Vec::new(),
        attributes: Vec::new(),
    };
    let variant = variant.unwrap_or(&empty);
    let (first, last) = variant.versions;
    let version = first + random.below((last - first + 1).unsigned_abs() as usize) as i64;
    let mut open = Open::new(random, mood);
    let operands = variant.operands.iter();
    let mut operands: Vec<_> = operands.map(|spec| open.operand(spec)).collect();
    // What comes last must not be there without what comes before: an operator tells them by their places.
    while operands
        .last()
        .is_some_and(|one| one.source == Source::None)
    {
        operands.pop();
    }
    let attributes = variant.attributes.iter();
    let attributes = attributes
        .filter(|spec| spec.since <= version)
        .filter_map(|spec| open.attribute(spec))
        .collect();
    let outputs = variant.outputs.iter().map(|spec| Output {
        wrap: spec.wrap,
        element: (spec.ty != "map").then(|| open.element(spec.ty)),
        present: !spec.optional || open.random.chance(50),
        typed: open.random.chance(80),
    });
    Plan {
        domain: operator.domain,
        name: operator.name,
        version,
        outputs: outputs.collect(),
        attributes,
        operands,
    }
}

/// How a case is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// An operator is to run.
    Plausible,
    /// Types and sizes are drawn from all there are.
    Hostile,
}

/// What is open in a variant: types and sizes by their names.
struct Open<'a> {
    random: &'a mut Random,
    mood: Mood,
    elements: BTreeMap<&'static str, Element>,
    sizes: BTreeMap<char, u32>,
    /// The shape that operands share.
    shape: Vec<u32>,
    /// The letter that is a number beyond what is usual.
    odd: Option<(usize, u32)>,
}

impl<'a> Open<'a> {
    fn new(random: &'a mut Random, mood: Mood) -> Self {
        let rank = random.pick(&[0, 1, 2, 2, 3, 3, 4]);
        let hostile = mood == Mood::Hostile;
        let odd = (hostile && random.chance(35)).then(|| {
            let size = random.pick(&[0, 0, 0, 0, 1, 1, 2, 13, 64, 224]);
            (random.below(4), size)
        });
        let sizes: &[u32] = match hostile && random.chance(25) {
            true => &[0, 1, 1, 2, 17, 224],
            false => &[1, 2, 3, 5, 8],
        };
        Self {
            shape: (0..rank).map(|_| random.pick(sizes)).collect(),
            random,
            mood,
            elements: BTreeMap::new(),
            sizes: BTreeMap::new(),
            odd,
        }
    }

    fn element(&mut self, name: &'static str) -> Element {
        if let Some(element) = Element::named(name).or_else(|| self.elements.get(name).copied()) {
            return element;
        }
        use Element::{Bf16, Fp16, Fp32, Fp64, I8, I32, I64, U8};
        let wild = self.mood == Mood::Hostile && self.random.chance(15);
        let usual: &[Element] = match name.chars().next() {
            Some('F') => &[Fp32, Fp32, Fp32, Fp32, Fp32, Fp32, Fp32, Fp64, Fp16, Bf16],
            Some('I') => &[I64, I64, I32],
            Some('Q') => &[U8, I8],
            _ => &[Fp32, Fp32, Fp32, Fp32, I64, I64, I32, Fp64, U8, Fp16, Bf16],
        };
        let element = self.random.pick(if wild { &ALL } else { usual });
        self.elements.insert(name, element);
        element
    }

    fn size(&mut self, letter: char) -> u32 {
        if let Some(size) = self.sizes.get(&letter) {
            return *size;
        }
        let usual: &[u32] = match letter {
            'H' | 'W' | 'L' | 'S' => &[4, 5, 8, 8, 9],
            'K' | 'J' => &[1, 2, 3],
            'h' | 'k' => &[1, 2, 3],
            'd' => &[2, 4, 8],
            _ => &[1, 2, 3, 5, 8],
        };
        let size = match self.odd {
            Some((place, odd)) if place == self.sizes.len() => odd,
            _ => self.random.pick(usual),
        };
        self.sizes.insert(letter, size);
        size
    }

    /// A number, or what letters come to that are added and multiplied.
    fn number(&mut self, text: &str) -> Number {
        if let Ok(int) = text.parse() {
            return Number::Int(int);
        }
        if let Ok(float) = text.parse() {
            return Number::Float(float);
        }
        let mut sum = 0i64;
        for (place, term) in text.replace('-', "+-").split('+').enumerate() {
            if place == 0 && term.is_empty() {
                continue;
            }
            let (sign, term) = match term.strip_prefix('-') {
                Some(term) => (-1, term),
                None => (1, term),
            };
            let mut product = sign;
            for factor in term.split('*') {
                product *= match factor.parse() {
                    Ok(int) => int,
                    Err(_) => i64::from(factor.chars().next().map_or(0, |one| self.size(one))),
                };
            }
            sum += product;
        }
        Number::Int(sum)
    }

    fn dimensions(&mut self, texts: &[&'static str]) -> Vec<u32> {
        let mut dimensions = Vec::new();
        for text in texts {
            match *text {
                "~" => dimensions.extend(&self.shape),
                "~b" => {
                    // Without some of its first dimensions, and with some that are one.
                    let cut = match self.random.chance(30) {
                        true => self.random.below(self.shape.len() + 1),
                        false => 0,
                    };
                    for &dimension in self.shape.iter().skip(cut) {
                        let one = self.random.chance(20);
                        dimensions.push(if one { 1 } else { dimension });
                    }
                }
                text => dimensions.push(u32::try_from(self.number(text).int()).unwrap_or(0)),
            }
        }
        dimensions
    }

    fn operand(&mut self, spec: &OperandSpec) -> Operand {
        let random = &mut *self.random;
        let absent = spec.absent || spec.optional && random.chance(50);
        let constant = match (spec.constant, spec.dimensions.is_none()) {
            (true, _) => 85,
            (_, true) => 50,
            _ => 15,
        };
        let source = match () {
            () if absent => Source::None,
            () if !random.chance(constant) => Source::Caller,
            () if random.chance(10) => Source::Default,
            () => Source::Model,
        };
        let declared = match random.below(10) {
            0..6 => Declared::Exact,
            6..8 => Declared::Symbols,
            8 => Declared::Unknown,
            _ => Declared::Rankless,
        };
        let element = match spec.absent {
            true => Element::Fp32,
            false => self.element(spec.ty),
        };
        let values = spec.values.get(self.random.below(spec.values.len()));
        let fill = match values.map(Vec::as_slice) {
            None | Some([]) => Fill::Small,
            Some([one]) if one.starts_with('<') => {
                let below = self.number(one.trim_start_matches('<')).int();
                Fill::Below(u32::try_from(below).unwrap_or(0))
            }
            Some(list) => Fill::List(list.iter().map(|one| self.number(one)).collect()),
        };
        let dimensions = match (&spec.dimensions, &fill) {
            (Some(dimensions), _) => self.dimensions(dimensions),
            (None, Fill::List(list)) => vec![u32::try_from(list.len()).unwrap_or(0)],
            (None, _) => vec![1],
        };
        Operand {
            wrap: spec.wrap,
            element,
            dimensions,
            fill,
            declared,
            source,
            outer: spec.outer,
        }
    }

    fn attribute(&mut self, spec: &AttributeSpec) -> Option<Attribute> {
        if !spec.required && self.random.chance(50) {
            return None;
        }
        let text = self.random.pick(&spec.choices);
        let list = text.split(',');
        let value = match spec.kind {
            "i" if text.starts_with('$') => Value::Int(self.drawn(text).number()),
            "t" if text.starts_with('$') => Value::Tensor(self.drawn(text), vec![Number::Int(1)]),
            "i" => Value::Int(self.number(text).int()),
            "f" => Value::Float(self.number(text).float()),
            "is" => Value::Ints(list.map(|one| self.number(one).int()).collect()),
            "fs" => Value::Floats(list.map(|one| self.number(one).float()).collect()),
            "ss" => Value::Texts(list.map(str::to_owned).collect()),
            "t" => {
                let (ty, list) = text.split_once(':')?;
                let list = list.split(',').map(|one| self.number(one)).collect();
                Value::Tensor(self.element(ty), list)
            }
            "g" => Value::Body(text.to_owned()),
            _ => Value::Text(text.to_owned()),
        };
        Some(Attribute {
            name: spec.name.to_owned(),
            value,
        })
    }

    /// The type whose name stands behind a dollar.
    fn drawn(&mut self, text: &'static str) -> Element {
        self.element(text.trim_start_matches('$'))
    }
}
