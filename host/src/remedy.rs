//! Which option mends what the libraries say is wrong, and how a grant is given.
//!
//! A library says what it expected and what came, since it is used under other names too: by a
//! gateway with a file of keys, or by a program of its own. This module knows the command line. It
//! adds to each error of a chain the part of the sentence that names the option, and words what
//! reports hold as values.

use std::error::Error;

use tollgate_bench::{
    record::{Lack, Problem},
    tune::{choose::Unmet, halving},
};
use tollgate_deploy::{
    keyvalue, models,
    onnxruntime::{self, Found, install},
    settings,
};
use tollgate_files::{inputs, read_ahead};
use tollgate_inspect::Grant;

use crate::config;

/// Ends the sentence about files that were left out of folders.
pub const LEFT_OUT: &str = "; `--include` says which files of a folder are frames";

/// Ends the line of the toll where no twin ran.
pub const WITHOUT_TWIN: &str = "; give the plugin's `--twin` to know the sandbox's part";

/// Ends the message about a native library in a plugin's place.
pub const NATIVE_LIBRARY: &str = "; a twin goes with `--twin`";

/// An error with its causes, each with what mends it.
pub fn explained(error: &anyhow::Error) -> String {
    let links: Vec<String> = error.chain().map(words).collect();
    links.join(": ")
}

/// The same for an error of a report: in one line of bounded length.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let (mut links, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        links.push(words(error));
        next = error.source();
    }
    tollgate_report::in_one_line(&links.join(": "))
}

/// An error without its causes, with what mends it.
pub fn words(error: &(dyn Error + 'static)) -> String {
    if let Some(inputs::Error::NoMatch { path, patterns }) = error.downcast_ref() {
        return format!(
            "`{}` holds no files whose names match `--include {}`: say another pattern, or leave it out",
            path.display(),
            patterns.join(" --include ")
        );
    }
    if let Some(onnxruntime::Error::NotThere { found, path }) = error.downcast_ref() {
        return format!(
            "{} names `{}`, which is not a file: correct it, or leave it out and run `tollgate runtime install`",
            found_by(*found),
            path.display()
        );
    }
    format!("{error}{}", remedy(error))
}

/// Where an ONNX Runtime was named.
pub fn found_by(found: Found) -> String {
    match found {
        Found::Typed => "--onnxruntime".to_owned(),
        Found::Installed => "tollgate runtime install".to_owned(),
        Found::Variable | Found::System => found.to_string(),
    }
}

/// A problem of a benchmark's figure, with what mends it.
pub fn problem(problem: &Problem) -> String {
    format!("{problem}{}", lack(problem))
}

/// How a grant is given.
pub fn grant(grant: Grant) -> &'static str {
    match grant {
        Grant::Models => "--model NAME=PATH",
        Grant::Load => "--allow load, for models that it brings itself",
        Grant::ModelsAndLoad => "--model NAME=PATH; --allow load, for models that it brings itself",
        Grant::Config => "--config KEY=VALUE, for the values that it is to read",
        Grant::Logging => "--logging, for its log lines to be seen",
        Grant::KeyValue => "--keyvalue NAME=FILE, for the buckets that it is to use",
        Grant::Folders => "--dir HOST::GUEST, for the folders that it is to see; only for commands",
        Grant::Environment => "--env KEY=VALUE, and arguments after `--`; only for commands",
        Grant::StandardStreams => {
            "nothing in a command; what a plugin writes is shown with --logging"
        }
        Grant::Network => "nothing; no network is ever reached through it",
        Grant::ModuleFolders => "--dir HOST::GUEST, for the folders that it is to see",
        Grant::ModuleVariables => "--env KEY=VALUE, for the variables that it is to see",
    }
}

/// The part of the sentence that names the option; empty if there is none.
fn remedy(error: &(dyn Error + 'static)) -> &'static str {
    // A transparent error hides the one inside from the chain, so it is asked for its inner one.
    let known = [
        error.downcast_ref().map(of_command_line),
        error.downcast_ref().map(of_models),
        error.downcast_ref().map(of_loading),
        error.downcast_ref().map(of_graphs),
        error.downcast_ref().map(of_library),
        error.downcast_ref().map(of_install),
        error.downcast_ref().map(of_settings),
        error.downcast_ref().map(of_buckets),
        error.downcast_ref().map(of_jail),
        error.downcast_ref().map(of_inputs),
        error.downcast_ref().map(of_workers),
        error.downcast_ref().map(of_bench),
        error.downcast_ref().map(of_search),
        error.downcast_ref().map(of_choice),
    ];
    known.into_iter().flatten().next().unwrap_or_default()
}

fn of_command_line(error: &config::Error) -> &'static str {
    match error {
        config::Error::Models(error) => of_models(error),
        _ => "",
    }
}

fn of_models(error: &models::Error) -> &'static str {
    match error {
        models::Error::Duplicate(_) => {
            ": give each `--model` a name, or a name and a variant, of its own"
        }
        models::Error::NoVariant { there: None, .. }
        | models::Error::NoModel { there: None, .. } => ", name them with `--model`",
        _ => "",
    }
}

fn of_loading(error: &models::LoadError) -> &'static str {
    match error {
        models::LoadError::Graph(error) => of_graphs(error),
        models::LoadError::Mismatch(_) => "",
        models::LoadError::Isolate { .. } => "; `--isolate` takes a name from `--model`",
    }
}

fn of_graphs(error: &tollgate_nn::Error) -> &'static str {
    match error {
        tollgate_nn::Error::Library { .. } | tollgate_nn::Error::LibraryTooOld { .. } => {
            "; `tollgate runtime install` gets a build that fits"
        }
        tollgate_nn::Error::NoDevice { .. } => {
            " (`tollgate runtime install` has builds for cpu, cuda and openvino)"
        }
        tollgate_nn::Error::Helper { .. } => "; `tollgate doctor` shows what the jail has here",
        _ => "",
    }
}

fn of_library(error: &onnxruntime::Error) -> &'static str {
    match error {
        onnxruntime::Error::Nowhere => {
            ": run `tollgate runtime install`, or name one with `--onnxruntime` or ORT_DYLIB_PATH"
        }
        onnxruntime::Error::Load(error) => of_graphs(error),
        onnxruntime::Error::Probe(_) => {
            "; `tollgate runtime install` gets a build that fits, `--onnxruntime` or ORT_DYLIB_PATH names another"
        }
        onnxruntime::Error::NotThere { .. } => "",
    }
}

fn of_install(error: &install::Error) -> &'static str {
    match error {
        install::Error::NoWheel { .. } => {
            ": get one from its maintainers and name it with `--onnxruntime` or ORT_DYLIB_PATH"
        }
        install::Error::NoPython => {
            ": install one (`apt-get install python3-pip` on Debian), or name a library with `--onnxruntime`"
        }
        install::Error::Unusable { .. } => {
            "; name a library that fits with `--onnxruntime` or ORT_DYLIB_PATH"
        }
        _ => "",
    }
}

fn of_settings(error: &settings::Error) -> &'static str {
    match error {
        settings::Error::Shape { .. } => "; `tollgate tune` writes such a file",
        settings::Error::Read { .. } => "",
    }
}

fn of_buckets(error: &keyvalue::Error) -> &'static str {
    match error {
        keyvalue::Error::TooLarge { .. } => ": raise `--max-bucket`, or name another file",
        _ => "",
    }
}

fn of_jail(error: &tollgate_jail::Error) -> &'static str {
    match error {
        tollgate_jail::Error::Layer(_) => "; use the layers that it has with `--jail best`",
        tollgate_jail::Error::Start { .. } => "; compile without one with `--jail off`",
        _ => "",
    }
}

fn of_inputs(error: &inputs::Error) -> &'static str {
    match error {
        inputs::Error::Empty(_) => {
            "; name files one by one, or say which are frames with `--include`"
        }
        inputs::Error::TooLarge { .. } => ": raise `--max-frame` if that is meant",
        _ => "",
    }
}

fn of_workers(error: &read_ahead::Error) -> &'static str {
    match error {
        read_ahead::Error::Spawn(_) => ", ask for fewer `--workers`",
        read_ahead::Error::Died => "",
    }
}

fn of_bench(error: &tollgate_bench::Error) -> &'static str {
    match error {
        tollgate_bench::Error::NoFrames => ": name files or directories after the plugin",
        tollgate_bench::Error::Native { .. } => "; leave `native` out of `--paths`",
        tollgate_bench::Error::NoBound => ": give one with `--p99`",
        tollgate_bench::Error::Nothing { problem } => lack(problem),
        _ => "",
    }
}

fn of_search(error: &halving::Error<tollgate_bench::Error>) -> &'static str {
    match error {
        halving::Error::Measure(error) => of_bench(error),
        _ => "",
    }
}

fn of_choice(why: &Unmet) -> &'static str {
    match why {
        Unmet::Unmeasured => "",
        Unmet::TooSlow { .. } => "; ask for a longer `--p99`, or use a smaller model",
        Unmet::Inaccurate { .. } => "; ask for less `--accuracy`, or give a better model",
        Unmet::NoTruth { .. } => ": give `--truth`",
    }
}

fn lack(problem: &Problem) -> &'static str {
    match problem.lack {
        None => "",
        Some(Lack::Windows) => ", so give more `--max-windows` or a longer `--window`",
        Some(Lack::Window) => ": give a longer `--window`",
        Some(Lack::Bound) => "; allow more with `--p99`",
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::*;

    #[test]
    fn each_link_of_a_chain_names_its_own_option() {
        let spawn = read_ahead::Error::Spawn(io::Error::other("none left"));
        assert_eq!(
            explained(&spawn.into()),
            "cannot start a worker thread, ask for fewer `--workers`: none left"
        );
        let large = inputs::Error::TooLarge {
            path: "a.pgm".into(),
            limit: 16,
        };
        let large = Err::<(), _>(large).context("nothing was read").unwrap_err();
        assert_eq!(
            explained(&large),
            "nothing was read: `a.pgm` has more than 16 bytes: raise `--max-frame` if that is meant"
        );
        let lacking = tollgate_jail::Error::Layer("landlock (none)".into());
        assert_eq!(
            explained(&tollgate_deploy::compile::Error::Helper(lacking).into()),
            "compiling it failed: this machine lacks a layer of the jail: landlock (none); \
             use the layers that it has with `--jail best`"
        );
        assert_eq!(explained(&anyhow::anyhow!("it\nfailed")), "it\nfailed");
    }

    #[test]
    fn an_error_inside_a_transparent_one_has_its_option() {
        let library = || tollgate_nn::Error::LibraryTooOld {
            path: "a.so".into(),
            found: "1.0".into(),
            needed: "1.20".into(),
        };
        let says = "ONNX Runtime 1.0 at `a.so` is too old: expected 1.20 or newer; \
                    `tollgate runtime install` gets a build that fits";
        assert_eq!(words(&library()), says);
        assert_eq!(words(&onnxruntime::Error::Load(library())), says);
        assert_eq!(words(&models::LoadError::Graph(library())), says);
        let search = halving::Error::Measure(tollgate_bench::Error::NoFrames);
        assert_eq!(
            words(&search),
            "there are no frames to measure with: name files or directories after the plugin"
        );
        let twice = config::Error::Models(models::Error::Duplicate("a".into()));
        assert_eq!(
            words(&twice),
            "two models are named `a`: give each `--model` a name, or a name and a variant, of its own"
        );
    }

    #[test]
    fn a_sentence_in_which_the_option_stands_in_the_middle_is_said_anew() {
        let path = || "a".into();
        let patterns = vec!["*.png".into(), "*.jpg".into()];
        let no_match = inputs::Error::NoMatch {
            path: path(),
            patterns,
        };
        assert_eq!(
            one_line(&no_match),
            "`a` holds no files whose names match `--include *.png --include *.jpg`: \
             say another pattern, or leave it out"
        );
        let not_there = |found| onnxruntime::Error::NotThere {
            found,
            path: path(),
        };
        for (found, name) in [
            (Found::Typed, "--onnxruntime"),
            (Found::Variable, "ORT_DYLIB_PATH"),
        ] {
            assert_eq!(
                words(&not_there(found)),
                format!(
                    "{name} names `a`, which is not a file: correct it, or leave it out and run \
                     `tollgate runtime install`"
                )
            );
        }
    }

    #[test]
    fn a_problem_of_a_figure_names_what_to_give_more_of() {
        let lacking = |lack| problem(&Problem::lacking(lack, "too short".into()));
        assert_eq!(
            lacking(Lack::Windows),
            "too short, so give more `--max-windows` or a longer `--window`"
        );
        assert_eq!(lacking(Lack::Window), "too short: give a longer `--window`");
        assert_eq!(lacking(Lack::Bound), "too short; allow more with `--p99`");
        assert_eq!(problem(&"two frames failed".into()), "two frames failed");
    }
}
