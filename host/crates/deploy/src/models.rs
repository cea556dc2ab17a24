//! The models of a run: the files of each model, and which of them run.
//!
//! A model may have several variants, such as `fp32` and `int8`. Plugins ask for a model by its
//! name and cannot tell variants apart. So all variants of a model must have the same inputs and
//! outputs; [`same_interface`] compares them. The default variant is the file that was given
//! without a variant name, called [`DEFAULT`], or else the first one. It runs unless another one is
//! chosen.
//!
//! The choice of files depends only on the options; only [`load`] reads the files.

use std::{path::Path, sync::Arc};

use tollgate_nn::{
    BatchOptions, BatchPolicy, Graph, GraphOptions, GraphRegistry, GraphStore, TensorInfo,
};

use crate::isolation::Isolation;
use crate::values::{ModelArg, VariantArg};

/// The name of a variant that was given without one.
pub const DEFAULT: &str = "default";

/// The name for all variants, in comparisons.
const ALL: &str = "all";

/// Why the options for models cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two files have the same name and variant.
    #[error("two models are named `{0}`")]
    Duplicate(String),
    /// No model has this variant.
    #[error("no model has the variant `{variant}`: {}", shown(there))]
    NoVariant {
        /// The variant that was chosen.
        variant: String,
        /// The models and variants that exist; `None` if there are none.
        there: Option<String>,
    },
    /// This model does not have the variant.
    #[error("the model `{model}` has no variant `{variant}`: {there}")]
    NotOfModel {
        /// The model.
        model: String,
        /// The variant that was chosen.
        variant: String,
        /// The variants that exist.
        there: String,
    },
    /// There is no such model.
    #[error(
        "the variant `{variant}` is chosen for `{model}`, and no model has that name: {}",
        shown(there)
    )]
    NoModel {
        /// The name that was given.
        model: String,
        /// The variant that was chosen.
        variant: String,
        /// The models and variants that exist; `None` if there are none.
        there: Option<String>,
    },
    /// Two choices for the same model.
    #[error(
        "both `{0}` and `{1}` are chosen: choose one variant for all models, and at most one more for each by its name"
    )]
    Twice(String, String),
}

fn shown(there: &Option<String>) -> &str {
    there.as_deref().unwrap_or("there are no models")
}

/// A variant cannot replace the model's default.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the variant `{variant}` of the model `{model}` cannot stand in for `{default}`: {difference}; plugins are written for one interface, so give the model a name of its own"
)]
pub struct Mismatch {
    /// The model.
    pub model: String,
    /// The variant that was compared with the default.
    pub variant: String,
    /// The default.
    pub default: String,
    /// The first difference.
    pub difference: String,
}

/// The models of a run, in the order of the options.
#[derive(Clone, Debug, Default)]
pub struct Models(Vec<Model>);

/// One model.
#[derive(Clone, Debug)]
struct Model {
    name: String,
    /// The variants, the default first.
    variants: Vec<File>,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    variant: String,
    arg: ModelArg,
}

/// The file of a model that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The file, and the names from its option.
    pub file: ModelArg,
    /// The variant's name.
    pub variant: String,
    /// The default variant's file, if another one was chosen.
    pub instead_of: Option<ModelArg>,
}

impl Models {
    /// Groups files by model.
    ///
    /// # Errors
    ///
    /// Two files have the same name and variant.
    pub fn new(args: &[ModelArg]) -> Result<Self, Error> {
        let mut models: Vec<Model> = Vec::new();
        for arg in args {
            let file = File {
                variant: variant_name(arg).to_owned(),
                arg: arg.clone(),
            };
            let Some(model) = models.iter_mut().find(|model| model.name == arg.name) else {
                models.push(Model {
                    name: arg.name.clone(),
                    variants: vec![file],
                });
                continue;
            };
            if model.variant(&file.variant).is_some() {
                return Err(Error::Duplicate(match &arg.variant {
                    Some(variant) => format!("{}:{variant}", arg.name),
                    None => arg.name.clone(),
                }));
            }
            if file.variant == DEFAULT {
                model.variants.insert(0, file);
            } else {
                model.variants.push(file);
            }
        }
        Ok(Self(models))
    }

    /// Whether there are no models.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The variants of all models, with the default ones first.
    pub fn variants(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let defaults = self.0.iter().filter_map(|model| model.variants.first());
        let others = self
            .0
            .iter()
            .flat_map(|model| model.variants.iter().skip(1));
        for file in defaults.chain(others) {
            if !names.contains(&file.variant.as_str()) {
                names.push(&file.variant);
            }
        }
        names
    }

    /// The file of each model that is to run. A variant chosen for the model by name comes first,
    /// then one chosen for all models that have it, then the default.
    ///
    /// # Errors
    ///
    /// There is no such variant or model, or there are two choices for the same model.
    pub fn choose(&self, choices: &[VariantArg]) -> Result<Vec<Chosen>, Error> {
        for (position, choice) in choices.iter().enumerate() {
            let before = choices.iter().take(position);
            if let Some(other) = before.clone().find(|other| other.model == choice.model) {
                return Err(Error::Twice(other.to_string(), choice.to_string()));
            }
            self.check(choice)?;
        }
        let chosen = self.0.iter().filter_map(|model| {
            let of_model = |choice: &&VariantArg| choice.model.as_ref() == Some(&model.name);
            let of_all = |choice: &&VariantArg| choice.model.is_none();
            let default = model.variants.first()?;
            let choice = choices.iter().find(of_model);
            let choice = choice.or_else(|| choices.iter().find(of_all));
            let file = choice.and_then(|choice| model.variant(&choice.variant));
            let file = file.unwrap_or(default);
            Some(Chosen {
                file: file.arg.clone(),
                variant: file.variant.clone(),
                instead_of: (file != default).then(|| default.arg.clone()),
            })
        });
        Ok(chosen.collect())
    }

    /// Resolves the variants to compare, given by name or as `all`, to their files. A variant with
    /// the same files as an earlier one is left out.
    ///
    /// # Errors
    ///
    /// There is no such variant.
    pub fn compare(&self, names: &[String]) -> Result<Vec<(String, Vec<Chosen>)>, Error> {
        let names: Vec<&str> = match names {
            [all] if all == ALL => self.variants(),
            _ => names.iter().map(String::as_str).collect(),
        };
        let mut variants: Vec<(String, Vec<Chosen>)> = Vec::new();
        for name in names {
            let choice = VariantArg {
                model: None,
                variant: name.to_owned(),
            };
            let chosen = self.choose(&[choice])?;
            if !variants.iter().any(|(_, known)| *known == chosen) {
                variants.push((name.to_owned(), chosen));
            }
        }
        Ok(variants)
    }

    fn check(&self, choice: &VariantArg) -> Result<(), Error> {
        let variant = choice.variant.clone();
        let Some(name) = &choice.model else {
            let has = |model: &Model| model.variant(&variant).is_some();
            return if self.0.iter().any(has) {
                Ok(())
            } else {
                let there = self.there();
                Err(Error::NoVariant { variant, there })
            };
        };
        let Some(model) = self.0.iter().find(|model| model.name == *name) else {
            return Err(Error::NoModel {
                model: name.clone(),
                variant,
                there: self.there(),
            });
        };
        if model.variant(&variant).is_some() {
            return Ok(());
        }
        Err(Error::NotOfModel {
            model: name.clone(),
            variant,
            there: model.there(),
        })
    }

    /// The models and variants that exist, for messages; `None` if there are none.
    fn there(&self) -> Option<String> {
        let models: Vec<String> = self.0.iter().map(Model::there).collect();
        (!models.is_empty()).then(|| models.join("; "))
    }
}

impl Model {
    fn variant(&self, name: &str) -> Option<&File> {
        self.variants.iter().find(|file| file.variant == name)
    }

    fn there(&self) -> String {
        let names: Vec<&str> = self.variants.iter().map(|file| &*file.variant).collect();
        format!("`{}` has {}", self.name, names.join(", "))
    }
}

fn variant_name(arg: &ModelArg) -> &str {
    arg.variant.as_deref().unwrap_or(DEFAULT)
}

/// Why models could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A model cannot be used.
    #[error(transparent)]
    Graph(#[from] tollgate_nn::Error),
    /// A variant has other inputs or outputs.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A graph that is to be isolated is not there.
    #[error(
        "the graph `{name}` is to be isolated, and no model has that name: {}",
        shown(there)
    )]
    Isolate {
        /// The name that was given.
        name: String,
        /// The names that exist; `None` if there are none.
        there: Option<String>,
    },
}

/// Loads the chosen files under their models' names, unless the store has them already. A variant
/// that replaces the default is compared with it first. For this the default is loaded and dropped
/// again. Graphs that are isolated are loaded in helpers of their own, and not shared with the store.
///
/// # Errors
///
/// A file cannot be used, or a variant has another interface than the default.
pub fn load(
    store: &Arc<GraphStore>,
    chosen: &[Chosen],
    options: &GraphOptions,
    isolation: &Isolation,
) -> Result<GraphRegistry, LoadError> {
    let registry = GraphRegistry::over(Arc::clone(store));
    let names = || chosen.iter().map(|model| &*model.file.name);
    if let Some(name) = isolation.isolate().unknown(names()) {
        let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
        return Err(LoadError::Isolate {
            name: name.to_owned(),
            there: (!names.is_empty()).then(|| format!("there are {}", names.join(", "))),
        });
    }
    for model in chosen {
        let (name, path) = (&model.file.name, &model.file.path);
        let isolated = isolation.isolate().has(name);
        let load = |name: &str, path: &Path, options: &GraphOptions| {
            isolation.graph(name, path, options).map(Arc::new)
        };
        let graph = if isolated {
            registry.add(name, load(name, path, options)?)?
        } else {
            registry.load_file(name, path, options)?
        };
        if let Some(default) = &model.instead_of {
            let other = if isolated {
                load(&default.name, &default.path, &interface())?
            } else {
                GraphRegistry::new().load_file(&default.name, &default.path, &interface())?
            };
            same_interface(variant_name(default), &other, &model.variant, &graph)?;
        }
    }
    Ok(registry)
}

/// How a model is loaded only for its interface: as quickly as possible, on the CPU.
fn interface() -> GraphOptions {
    GraphOptions {
        optimization: tollgate_nn::Optimization::None,
        batch: BatchOptions {
            policy: BatchPolicy::Off,
            ..BatchOptions::default()
        },
        ..GraphOptions::default()
    }
}

/// Checks that a variant has the same inputs and outputs as the default: names, types and
/// dimensions, in order.
///
/// # Errors
///
/// The first difference.
pub fn same_interface(
    default_variant: &str,
    default: &Graph,
    variant: &str,
    graph: &Graph,
) -> Result<(), Mismatch> {
    let difference = difference("input", default.inputs(), graph.inputs())
        .or_else(|| difference("output", default.outputs(), graph.outputs()));
    match difference {
        None => Ok(()),
        Some(difference) => Err(Mismatch {
            model: graph.name().to_owned(),
            variant: variant.to_owned(),
            default: default_variant.to_owned(),
            difference,
        }),
    }
}

fn difference(what: &str, expected: &[TensorInfo], came: &[TensorInfo]) -> Option<String> {
    if expected.len() != came.len() {
        return Some(format!(
            "it has {} {what}s instead of {}",
            came.len(),
            expected.len()
        ));
    }
    let mut pairs = expected.iter().zip(came);
    let differs = |(a, b): &(&TensorInfo, &TensorInfo)| {
        a.name != b.name || a.ty != b.ty || a.dimensions != b.dimensions
    };
    let (expected, came) = pairs.find(differs)?;
    Some(format!(
        "its {what} is {} instead of {}",
        show(came),
        show(expected)
    ))
}

/// Formats a tensor for messages: `x FP32 [?, 10]`.
fn show(info: &TensorInfo) -> String {
    let dimensions: Vec<String> = info
        .dimensions
        .iter()
        .map(|dimension| dimension.map_or("?".to_owned(), |dimension| dimension.to_string()))
        .collect();
    format!("`{}` {} [{}]", info.name, info.ty, dimensions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    fn models(words: &str) -> Result<Models, Error> {
        let args: Vec<ModelArg> = words
            .split_whitespace()
            .map(|word| values::model(word).unwrap())
            .collect();
        Models::new(&args)
    }

    fn choose(models: &Models, words: &str) -> Result<Vec<String>, Error> {
        let choices: Vec<VariantArg> = words
            .split_whitespace()
            .map(|word| values::variant(word).unwrap())
            .collect();
        let chosen = models.choose(&choices)?;
        Ok(chosen
            .iter()
            .map(|chosen| format!("{}", chosen.file.path.display()))
            .collect())
    }

    #[test]
    fn the_default_is_the_one_without_a_variant_or_the_first() {
        let two = models("a:int8=1 a=2 b:fp16=3 b:int8=4").unwrap();
        assert_eq!(choose(&two, "").unwrap(), ["2", "3"]);
        assert_eq!(choose(&two, "int8").unwrap(), ["1", "4"]);
        assert_eq!(choose(&two, "default").unwrap(), ["2", "3"]);
        assert_eq!(choose(&two, "int8 b:fp16").unwrap(), ["1", "3"]);
        assert_eq!(choose(&two, "a:int8").unwrap(), ["1", "3"]);
        assert_eq!(two.variants(), ["default", "fp16", "int8"]);
        let chosen = two.choose(&[values::variant("int8").unwrap()]).unwrap();
        assert!(chosen.iter().all(|chosen| chosen.instead_of.is_some()));
        assert!(models("").unwrap().choose(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let two = models("a:fp32=1 a:int8=2 b=3").unwrap();
        let says = |words: &str| choose(&two, words).unwrap_err().to_string();
        assert!(says("fp16").contains("`a` has fp32, int8; `b` has default"));
        assert!(says("b:int8").contains("`b` has default"));
        assert!(says("c:int8").contains("no model has that name"));
        assert!(says("int8 fp32").contains("both `int8` and `fp32`"));
        assert!(says("a:int8 a:fp32").contains("`a:fp32`"));
        let none = models("").unwrap();
        assert!(
            choose(&none, "int8")
                .unwrap_err()
                .to_string()
                .contains("no models")
        );
    }

    #[test]
    fn one_file_for_each_name_and_variant() {
        let twice = |words: &str| models(words).unwrap_err();
        assert_eq!(twice("a=1 a=2"), Error::Duplicate("a".into()));
        assert_eq!(twice("a:x=1 a:x=2"), Error::Duplicate("a:x".into()));
        assert_eq!(twice("a:default=1 a=2"), Error::Duplicate("a".into()));
    }
}
