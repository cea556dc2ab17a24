//! Inferences that are made ready beforehand, in the words of `compute` and `infer`.

use crate::{
    bindings::{
        tollgate::nn::prepared::{Expected, Prepared, prepare},
        wasi::nn::{errors::Error, graph::load_by_name},
    },
    spec::{self, Spec},
    told,
};

pub(crate) fn run(command: &str, arguments: &str) -> Option<String> {
    Some(told(match command {
        "prepared" => all(arguments),
        "prepared-again" => again(arguments),
        "prepared-one" => one(arguments),
        "prepared-outputs" => outputs(arguments),
        "prepare-only" => ready(arguments).map(|_| "prepared".to_owned()),
        "prepare-and-leak" => leak(arguments),
        _ => return None,
    }))
}

/// As `infer`; the graph's own handle is given back before the run.
fn all(arguments: &str) -> Result<String, Error> {
    let (prepared, specs) = ready(arguments)?;
    let padded: Vec<Vec<u8>> = specs.iter().map(Spec::padded).collect();
    let inputs: Vec<&[u8]> = specs
        .iter()
        .zip(&padded)
        .map(|(spec, padded)| spec.placed(padded))
        .collect();
    let outputs = prepared.run(&inputs)?;
    Ok(show(&prepared, &outputs))
}

/// The same over and over: a run that is refused, one that is not, and the same once more.
fn again(arguments: &str) -> Result<String, Error> {
    let (prepared, specs) = ready(arguments)?;
    let inputs: Vec<&[u8]> = specs.iter().map(|spec| &*spec.data).collect();
    let refused = told(prepared.run(&[]).map(|_| "a run without inputs".to_owned()));
    let first = prepared.run(&inputs)?;
    let same = prepared.run(&inputs)? == first;
    Ok(format!("{refused} {same} {}", show(&prepared, &first)))
}

/// The same for one input and one output.
fn one(arguments: &str) -> Result<String, Error> {
    let (prepared, specs) = ready(arguments)?;
    let padded: Vec<Vec<u8>> = specs.iter().map(Spec::padded).collect();
    let input = specs.iter().zip(&padded).next();
    let input = input.map_or(&[][..], |(spec, padded)| spec.placed(padded));
    let output = prepared.run_one(input)?;
    Ok(show(&prepared, &[output]))
}

/// What is said of the outputs before a run and after it.
fn outputs(arguments: &str) -> Result<String, Error> {
    let (prepared, specs) = ready(arguments)?;
    let say = || {
        let infos = prepared.outputs();
        let said = infos
            .iter()
            .map(|info| format!("{}:{:?}{:?}", info.name, info.ty, info.dimensions));
        said.collect::<Vec<_>>().join(",")
    };
    let before = say();
    let inputs: Vec<&[u8]> = specs.iter().map(|spec| &*spec.data).collect();
    prepared.run(&inputs)?;
    Ok(format!("{before} then {}", say()))
}

/// Makes them ready for ever, and gives none back.
fn leak(arguments: &str) -> Result<String, Error> {
    loop {
        std::mem::forget(ready(arguments)?);
    }
}

fn ready(arguments: &str) -> Result<(Prepared, Vec<Spec>), Error> {
    let (graph, specs) = spec::parse(arguments);
    let graph = load_by_name(graph)?;
    let expected: Vec<Expected<'_>> = specs
        .iter()
        .map(|spec| Expected {
            name: (spec.name != "_").then_some(&*spec.name),
            dimensions: &spec.dimensions,
            ty: spec.ty,
        })
        .collect();
    Ok((prepare(&graph, &expected)?, specs))
}

fn show(prepared: &Prepared, outputs: &[Vec<u8>]) -> String {
    let infos = prepared.outputs();
    let said = infos.iter().zip(outputs).map(|(info, data)| {
        let dimensions: Vec<u32> = info.dimensions.iter().flatten().copied().collect();
        spec::show(info.ty, &dimensions, data)
    });
    said.collect::<Vec<_>>().join(" ")
}
