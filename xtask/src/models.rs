//! The models that tests and benchmarks find under `target/models`: written by their scripts, and
//! only when missing or older than what writes them, or copied where they are small enough to be
//! in the repository.
//!
//! What only benchmarks use is large and made only for them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::{
    python::{self, Environment},
    shell,
    workspace::Workspace,
};

/// A model to be made.
struct Model {
    /// The file is called this; its script too, with underscores for points.
    name: &'static str,
    /// The model it is a variant of, which its script reads.
    of: Option<&'static str>,
    environment: &'static Environment,
}

impl Model {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            of: None,
            environment: &python::MODELS,
        }
    }
}

/// Models that tests use and that are too large to be committed.
const TESTED: [Model; 1] = [Model::new("mobilenet_v2")];
/// Models that benchmarks use beside those.
const MEASURED: [Model; 3] = [
    Model::new("resnet18"),
    Model::new("mlp1024"),
    Model {
        name: "mobilenet_v2.int8",
        of: Some("mobilenet_v2"),
        environment: &python::ONNX_RUNTIME,
    },
];
/// Models that lie in the repository.
const COMMITTED: [&str; 2] = [
    "tests/models/mlp.onnx",
    "examples/meter-reader/models/digits.onnx",
];
/// What the scripts share. A model is made again when any of it changes.
const SHARED: [&str; 5] = [
    "tests/models/writing.py",
    "tests/models/layers.py",
    "tests/models/perceptron.py",
    "tests/models/requirements.txt",
    "examples/meter-reader/quantise.py",
];

/// Makes every model of the tests that is missing or stale.
pub fn generate(workspace: &Workspace) -> Result<()> {
    fs::create_dir_all(workspace.target("models")).context("cannot create `target/models`")?;
    for committed in COMMITTED {
        let from = workspace.path(committed);
        let name = from.file_name().context("a model without a name")?;
        let to = workspace.target("models").join(name);
        fs::copy(&from, &to)
            .with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    }
    make_all(workspace, &TESTED)
}

/// Makes those of the benchmarks as well.
pub fn generate_measured(workspace: &Workspace) -> Result<()> {
    generate(workspace)?;
    make_all(workspace, &MEASURED)
}

/// Makes the variants of the meter reader's model anew, in the repository, or measures those that
/// are there; prints how accurate they are.
pub fn variants(workspace: &Workspace, check: bool) -> Result<()> {
    let python = python::ensure(workspace, &python::ONNX_RUNTIME)?;
    let mut script = Command::new(python);
    script
        .arg("-B")
        .arg(workspace.path("examples/meter-reader/quantise.py"));
    if check {
        script.arg("--check");
    }
    shell::run_through(&mut script)
}

fn make_all(workspace: &Workspace, models: &[Model]) -> Result<()> {
    for model in models {
        make(workspace, model)?;
    }
    Ok(())
}

fn make(workspace: &Workspace, model: &Model) -> Result<()> {
    let file = |name: &str| workspace.target("models").join(format!("{name}.onnx"));
    let script = format!("tests/models/{}.py", model.name.replace('.', "_"));
    let script = workspace.path(&script);
    let made = file(model.name);
    let original = model.of.map(file);

    let mut sources: Vec<PathBuf> = SHARED.map(|shared| workspace.path(shared)).into();
    sources.push(script.clone());
    sources.extend(original.clone());
    if is_fresh(&made, &sources)? {
        return Ok(());
    }
    let python = python::ensure(workspace, model.environment)?;
    shell::step(&format!("the model {}", model.name), || {
        // -B: no compiled scripts beside the committed ones.
        let mut command = Command::new(&python);
        command.arg("-B").arg(&script).args(&original).arg(&made);
        shell::run(&mut command)
    })
}

/// Whether `made` is there and no older than any of `sources`.
fn is_fresh(made: &Path, sources: &[PathBuf]) -> Result<bool> {
    if !made.exists() {
        return Ok(false);
    }
    let made = modified(made)?;
    for source in sources {
        if modified(source)? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Result<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("cannot read the time of `{}`", path.display()))
}
