//! Makes a plausible plan a hostile one, a change at a time.

use super::{
    element::{ALL, EXTREMES, Number},
    plan::{Attribute, Declared, Fill, Operand, Plan, Source, Value},
    random::Random,
    table::Wrap,
};

/// Sizes that a dimension is changed to.
const SIZES: [u32; 12] = [0, 0, 0, 1, 1, 2, 3, 4, 7, 16, 64, 224];

/// Changes one thing in it.
pub(super) fn spoil(random: &mut Random, plan: &mut Plan) {
    match random.below(20) {
        0..7 if !plan.attributes.is_empty() => attribute(random, plan),
        0..16 if !plan.operands.is_empty() => {
            let place = random.below(plan.operands.len());
            if let Some(operand) = plan.operands.get_mut(place) {
                self::operand(random, operand);
            }
        }
        16 => operands(random, plan),
        17 => outputs(random, plan),
        18 if plan.domain.is_empty() => {
            plan.version = random.pick(&[1, 5, 7, 9, 10, 11, 12, 13, 17, 18, 19, 21, 23, 28])
        }
        19 if random.chance(25) => add(random, plan),
        _ => operands(random, plan),
    }
}

/// Changes an attribute, or takes it away.
fn attribute(random: &mut Random, plan: &mut Plan) {
    let place = random.below(plan.attributes.len());
    if random.chance(8) {
        plan.attributes.remove(place);
        return;
    }
    let wrong_kind = random.chance(8);
    let Some(Attribute { value, .. }) = plan.attributes.get_mut(place) else {
        return;
    };
    if wrong_kind {
        *value = any_value(random);
        return;
    }
    match value {
        Value::Int(int) => *int = extreme(random),
        Value::Float(float) => *float = Number::extreme(random).float(),
        Value::Ints(list) => change_list(random, list, extreme),
        Value::Floats(list) => change_list(random, list, |random| Number::extreme(random).float()),
        Value::Texts(list) => change_list(random, list, text),
        Value::Text(one) => *one = text(random),
        Value::Tensor(element, list) => {
            if random.chance(30) {
                *element = random.pick(&ALL);
            }
            change_list(random, list, Number::extreme);
        }
        Value::Body(kind) => {
            *kind = random
                .pick(&["empty", "same", "outer", "loop", "loop_scan", "scan", "map"])
                .to_owned();
        }
    }
}

/// Changes an element of a list, or how many there are.
fn change_list<T: Clone>(
    random: &mut Random,
    list: &mut Vec<T>,
    mut other: impl FnMut(&mut Random) -> T,
) {
    match random.below(10) {
        0 => list.clear(),
        1 => {
            list.pop();
        }
        2 => list.push(other(random)),
        3 => list.extend_from_within(..),
        _ => {
            let place = random.below(list.len());
            if let Some(one) = list.get_mut(place) {
                *one = other(random);
            }
        }
    }
}

fn extreme(random: &mut Random) -> i64 {
    // What is just beyond plausible gets further than what is absurd.
    let seen = if random.chance(60) { 8 } else { EXTREMES.len() };
    random.pick(EXTREMES.get(..seen).unwrap_or_default())
}

fn text(random: &mut Random) -> String {
    match random.below(5) {
        0 => String::new(),
        1 => "x".repeat(random.pick(&[1, 300, 5000])),
        2 => "ii,i->->".to_owned(),
        3 => "\u{0}\u{fffd}%s%n".to_owned(),
        _ => random
            .pick(&[
                "NONE",
                "linear",
                "SAME_UPPER",
                "...",
                "ij,jk->ik",
                "constant",
            ])
            .to_owned(),
    }
}

fn any_value(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Int(extreme(random)),
        1 => Value::Float(0.5),
        2 => Value::Text(text(random)),
        3 => Value::Ints(vec![extreme(random); random.below(5)]),
        4 => Value::Floats(vec![1.0; random.below(3)]),
        5 => Value::Texts(vec![text(random); random.below(3)]),
        6 => Value::Tensor(random.pick(&ALL), vec![Number::Int(1); random.below(3)]),
        _ => Value::Body("empty".to_owned()),
    }
}

/// Changes an operand.
fn operand(random: &mut Random, operand: &mut Operand) {
    match random.below(12) {
        0..4 => {
            let place = random.below(operand.dimensions.len());
            if let Some(dimension) = operand.dimensions.get_mut(place) {
                *dimension = random.pick(&SIZES);
            }
        }
        4 => {
            operand.dimensions.pop();
        }
        5 => {
            let place = random.below(operand.dimensions.len() + 1);
            operand.dimensions.insert(place, random.pick(&SIZES));
        }
        6 => operand.dimensions = (0..random.below(9)).map(|_| random.pick(&SIZES)).collect(),
        7 if random.chance(50) => operand.element = random.pick(&ALL),
        7..10 => match &mut operand.fill {
            Fill::List(list) => {
                change_list(random, list, |random| Number::Int(extreme(random)));
                if let ([length], true) = (&mut operand.dimensions[..], random.chance(80)) {
                    *length = u32::try_from(list.len()).unwrap_or(0);
                }
            }
            Fill::Below(below) if random.chance(60) => {
                *below = below.saturating_mul(2).saturating_add(1)
            }
            fill => *fill = Fill::Extreme,
        },
        10 => {
            let dimensions = operand.dimensions.iter();
            let mut other: Vec<_> = dimensions.map(|&one| i64::from(one)).collect();
            change_list(random, &mut other, extreme);
            operand.declared = Declared::Other(other);
        }
        _ => {
            operand.source = random.pick(&[Source::Caller, Source::Model, Source::Default]);
            if random.chance(20) {
                operand.wrap = random.pick(&[Wrap::Tensor, Wrap::Sequence, Wrap::Optional]);
            }
        }
    }
}

/// Changes which operands there are.
fn operands(random: &mut Random, plan: &mut Plan) {
    let place = random.below(plan.operands.len());
    match random.below(5) {
        0 => {
            plan.operands.pop();
        }
        1 => {
            if let Some(operand) = plan.operands.get_mut(place) {
                operand.source = Source::None;
            }
        }
        2 => {
            if let Some(operand) = plan.operands.get(place).cloned() {
                plan.operands.push(operand);
            }
        }
        3 => {
            let other = random.below(plan.operands.len());
            if place != other && other < plan.operands.len() {
                plan.operands.swap(place, other);
            }
        }
        _ => {
            for operand in &mut plan.operands {
                if operand.source == Source::None {
                    operand.source = Source::Caller;
                }
            }
        }
    }
}

/// Changes which outputs there are.
fn outputs(random: &mut Random, plan: &mut Plan) {
    let place = random.below(plan.outputs.len());
    match random.below(4) {
        0 => plan.outputs.extend_from_within(..),
        1 => {
            plan.outputs.pop();
        }
        _ => {
            if let Some(output) = plan.outputs.get_mut(place) {
                output.present = !output.present;
                output.element = Some(random.pick(&ALL));
            }
        }
    }
}

/// Adds an attribute that many operators have, and this one may not.
fn add(random: &mut Random, plan: &mut Plan) {
    let (name, value) = match random.below(8) {
        0 => ("axis", Value::Int(extreme(random))),
        1 => ("axes", Value::Ints(vec![extreme(random); random.below(4)])),
        2 => ("pads", Value::Ints(vec![extreme(random); random.below(9)])),
        3 => (
            "strides",
            Value::Ints(vec![extreme(random); random.below(4)]),
        ),
        4 => (
            "dilations",
            Value::Ints(vec![extreme(random); random.below(4)]),
        ),
        5 => ("group", Value::Int(extreme(random))),
        6 => (
            "kernel_shape",
            Value::Ints(vec![extreme(random); random.below(4)]),
        ),
        _ => ("dtype", Value::Int(random.below(30) as i64)),
    };
    match plan.attributes.iter_mut().find(|one| one.name == name) {
        Some(known) => known.value = value,
        None => plan.attributes.push(Attribute {
            name: name.to_owned(),
            value,
        }),
    }
}
