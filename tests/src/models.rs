//! Models that mean harm: for what loads and runs models of others, and has to outlive them.
//!
//! Everything follows from a seed. Nothing here knows ONNX Runtime, and no model is run: what is made here may
//! kill the process that runs it, take its memory, or never end.
//!
//! - `table`: the operators, with what each takes, out of three texts beside it;
//! - `plan`: a line of the table with all that is open in it decided, as an operator that runs;
//! - `hostile`: changes to a plan;
//! - `write`: a plan as a model; `bodies`: the bodies of `If`, `Loop` and the like; `onnx`: messages for both;
//! - `mutate`: changes to models that are there;
//! - `element`, `random`, `wire`: types of elements, numbers that follow from a seed, protobuf.

mod bodies;
mod element;
mod hostile;
mod mutate;
mod onnx;
mod plan;
mod random;
mod table;
mod wire;
mod write;

use std::fmt;

use self::{plan::Mood, random::Random, table::OPERATORS};

/// A model, and an inference to run on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is, for messages: the operator, what it is given, its attributes.
    pub what: String,
    /// The model.
    pub model: Vec<u8>,
    /// All inputs of the model that have no default value.
    pub inputs: Vec<Input>,
}

impl fmt::Debug for Case {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.what)
    }
}

/// An input of an inference.
#[derive(Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name in the model.
    pub name: String,
    /// The type of its elements.
    pub ty: tollgate_nn::TensorType,
    /// Its dimensions, which need not be the ones that the model declares.
    pub dimensions: Vec<u32>,
    /// Its elements: as many bytes as the type and the dimensions say, and at most 1 MiB.
    pub bytes: Vec<u8>,
}

/// How many operators there are. Seeds that follow each other go through all of them.
pub fn operators() -> usize {
    OPERATORS.len()
}

/// A model with one operator, and what it is run on.
///
/// A quarter of the cases are meant to run. In the others up to four things are changed, each of which ONNX
/// Runtime may refuse when it loads the model, refuse when it runs it, or not notice.
pub fn one_node(seed: u64) -> Case {
    let random = &mut Random::new(seed);
    let place = seed.checked_rem(OPERATORS.len() as u64).unwrap_or(0);
    let Some(operator) = OPERATORS.get(place as usize) else {
        return Case {
            what: "nothing".to_owned(),
            model: Vec::new(),
            inputs: Vec::new(),
        };
    };
    let plausible = random.chance(25);
    let mood = match plausible {
        true => Mood::Plausible,
        false => Mood::Hostile,
    };
    let mut plan = plan::plan(random, operator, mood);
    if !plausible {
        for _ in 0..random.pick(&[0, 1, 1, 1, 1, 2, 2, 3, 4]) {
            hostile::spoil(random, &mut plan);
        }
    }
    write::case(random, &plan)
}

/// One of these models, changed: its fields (so that it can still be read) or its bytes as they come; with parts
/// of the others at times.
///
/// It is another than the one that it was made of, though it may be one of the others, and at most four times as
/// long as the longest. Where there are no models, or only empty ones, it is empty.
pub fn mutated(seed: u64, models: &[Vec<u8>]) -> Vec<u8> {
    mutate::mutated(&mut Random::new(seed), models)
}

#[cfg(test)]
mod tests;
