//! `cargo xtask test`: everything that the tests find under `target/`, then the tests.
//!
//! Once set up, none of it touches the network. Test guests are left out of `cargo test`: they are
//! what the integration tests run in the sandbox, and have no tests of their own. The examples'
//! plugins are compiled natively and tested like any crate. xtask itself has none either, and would be
//! compiled once more. What the test runner prints is this command's standard output.

use anyhow::Result;

use crate::{
    chromium, guests,
    languages::{self, Language},
    set_up, shell, standard,
    toolchain::Choice,
    workspace::Workspace,
};

/// What `test` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Anything for `cargo test`, after `--`
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<String>,
}

/// Runs it.
pub fn run(workspace: &Workspace, choice: Choice, args: &Args) -> Result<()> {
    chromium::ensure()?;
    set_up(workspace, choice)?;
    languages::build(workspace, &Language::ALL)?;
    languages::build_fixtures(workspace, &Language::ALL)?;
    standard::ensure(workspace)?;
    let fixtures = guests::discover(workspace)?
        .into_iter()
        .filter(|guest| guest.fixture);
    let mut cargo = workspace.cargo("test");
    cargo.args(["--workspace", "--exclude", "xtask"]);
    for guest in fixtures {
        cargo.args(["--exclude", &guest.name]);
    }
    cargo.args(&args.rest);
    shell::say("xtask: the tests ...");
    shell::run_through(&mut cargo)
}
