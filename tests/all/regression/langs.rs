//! What somebody who writes a plugin in Python or JavaScript is told when it goes wrong, and what works.
//!
//! The plugins are projects as `tollgate new` makes them, whose own file is replaced by one that makes
//! mistakes, built and run by the commands of the project's README. C has no mistakes of these kinds.

use std::{
    collections::BTreeMap,
    fs,
    process::Output,
    sync::{LazyLock, Mutex},
};

use crate::{
    cli::{self, path},
    new::Project,
    support::has,
};

/// Commands of a README, by their place: test, build, run.
const TEST: usize = 0;
const BUILD: usize = 1;
const RUN: usize = 2;

/// At most so many frames that fail are named by the command line.
const NAMED: usize = 20;

static PYTHON: LazyLock<Mutex<Project>> = LazyLock::new(|| {
    let project = Project::new("python");
    let source = include_str!("langs/mistakes.py");
    fs::write(project.folder.join("src/app.py"), source).expect("written");
    succeeds(&project.command(BUILD));
    Mutex::new(project)
});

static JS: LazyLock<Mutex<Project>> = LazyLock::new(|| {
    let project = Project::js();
    let source = include_str!("langs/mistakes.ts");
    fs::write(project.folder.join("src/plugin.ts"), source).expect("written");
    succeeds(&project.command(BUILD));
    Mutex::new(project)
});

#[track_caller]
fn succeeds(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{}\n{}", said[0], said[1]);
    said.concat()
}

/// What a plugin says to each of these frames, its log lines behind: outputs on the one hand, faults on the other.
fn says(project: &Mutex<Project>, frames: &[&str]) -> (BTreeMap<String, String>, String) {
    let project = project.lock().expect("no test failed here");
    let component = fs::read_dir(&project.folder).expect("a folder");
    let component = component
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|found| found == "wasm"))
        .expect("a component");
    let (mut answers, mut log) = (BTreeMap::new(), String::new());
    for some in frames.chunks(NAMED) {
        let folder = tempfile::tempdir().expect("a folder");
        for frame in some {
            fs::write(folder.path().join(frame), frame).expect("written");
        }
        let bucket = tempfile::tempdir().expect("a folder");
        let bucket = format!("seen={}", path(&bucket.path().join("bucket")));
        let (_, stdout, stderr) = cli::run(&[
            "run",
            path(&component),
            path(folder.path()),
            "--config",
            "least=0.5",
            "--keyvalue",
            &bucket,
            "--logging",
            "--deadline",
            "60s",
        ]);
        for frame in some {
            let output = stdout
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{frame}\t")));
            let fault = stderr
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{frame}: ")));
            let answer = output.or(fault);
            let answer = answer.unwrap_or_else(|| panic!("nothing of {frame}: {stdout}\n{stderr}"));
            answers.insert((*frame).to_owned(), answer.to_owned());
        }
        log.push_str(&stderr);
    }
    (answers, log)
}

/// Each frame with words of the answer, which is a fault of the kind `internal` where it has not said otherwise.
fn answers(project: &Mutex<Project>, expected: &[(&str, &[&str])]) {
    let frames: Vec<&str> = expected.iter().map(|&(frame, _)| frame).collect();
    let (found, _) = says(project, &frames);
    for &(frame, words) in expected {
        let answer = found.get(frame).expect("an answer");
        has(&format!("{frame}: {answer}"), words);
        assert!(!answer.contains("trap"), "{frame}: {answer}");
    }
}

/// The line of a source on which a text is first found.
fn line(source: &str, text: &str) -> usize {
    let place = source.lines().position(|line| line.contains(text));
    place.expect("a line") + 1
}

#[test]
fn python_attribute() {
    let (found, log) = says(&PYTHON, &["late", "services", "bytearray"]);
    has(&found["services"], &["0.5 2 ['count']"]);
    has(&log, &["counted to 2"]);
    // What a function imports, and what Python imports on the quiet, is there as well.
    has(&found["late"], &["[2, \"\\u00e4\"]"]);
    has(&found["bytearray"], &["taken"]);
}

#[test]
fn python_wrong_return() {
    let list = "internal fault: expected a list of tollgate.Output from `handle`, got";
    let wrong = "internal fault: `handle` returned a wrong output: output 0";
    answers(
        &PYTHON,
        &[
            ("none", &[list, "None"]),
            (
                "text",
                &[wrong, "('said'), its data: expected bytes", "got str"],
            ),
            ("wholly-text", &[list, "str"]),
            ("single", &[list, "Output"]),
            ("element", &[wrong, "expected tollgate.Output, got None"]),
            ("tuple", &[wrong, "expected tollgate.Output, got tuple"]),
            ("name", &[wrong, "its name: expected str, got int"]),
            ("type", &[wrong, "its content_type: expected str, got None"]),
            ("surrogate", &[wrong, "its name", "U+DC80"]),
            ("generator", &[list, "generator"]),
            ("async", &[list, "coroutine"]),
            ("fault", &["invalid frame: half ?"]),
            (
                "infer-list",
                &[
                    "internal fault",
                    "expected a list of tollgate.Input, got int",
                    "app.py:",
                ],
            ),
            (
                "infer-element",
                &[
                    "internal fault",
                    "input 0: expected tollgate.Input, got None",
                ],
            ),
            (
                "infer-size",
                &[
                    "internal fault",
                    "input 0, its dimension 0: expected int, got float",
                ],
            ),
            (
                "infer-negative",
                &["internal fault", "input 0, its dimension 0", "got -1"],
            ),
            (
                "infer-type",
                &[
                    "internal fault",
                    "expected one of tollgate.TensorType, got str",
                ],
            ),
            (
                "infer-data",
                &[
                    "internal fault",
                    "input 0, its data: expected bytes",
                    "got str",
                ],
            ),
            (
                "graph",
                &["internal fault", "the graph's name: expected str, got int"],
            ),
            (
                "value",
                &["internal fault", "the value: expected bytes", "got str"],
            ),
            (
                "delta",
                &["internal fault", "the delta: expected int, got float"],
            ),
            (
                "level",
                &["internal fault", "expected one of tollgate.Level, got str"],
            ),
        ],
    );
}

#[test]
fn python_exception_line() {
    let source = include_str!("langs/mistakes.py");
    let at = |text| format!("(app.py:{}, in ", line(source, text));
    answers(
        &PYTHON,
        &[
            (
                "divide",
                &[
                    "ZeroDivisionError: division by zero",
                    &at("return 1 / by"),
                    "in divide)",
                ],
            ),
            (
                "nested",
                &["KeyError: 'missing'", &at("{}[\"missing\"]"), "in fail)"],
            ),
            (
                "lines",
                &["ValueError: first second [31m", &at("    raise error")],
            ),
            ("long", &["ValueError: xxxx", "…"]),
            ("odd", &["Odd: ", &at("    raise error")]),
            ("exit", &["SystemExit: 3", &at("sys.exit(3)")]),
        ],
    );
    let (found, _) = says(&PYTHON, &["long"]);
    assert!(found["long"].len() < 1500);
}

#[test]
fn js_wrong_return() {
    let list = "internal fault: expected an array of outputs from `handle`, got";
    let data = "internal fault: `handle` returned a wrong output: output 0 (\"said\"), its data: expected a Uint8Array, got";
    let wrong = "internal fault: `handle` returned a wrong output: output 0";
    answers(
        &JS,
        &[
            ("clamped", &["taken"]),
            ("undefined", &[list, "undefined"]),
            ("promise", &[list, "Promise"]),
            ("wholly-array", &[list, "Float64Array"]),
            ("float-array", &[data, "Float64Array"]),
            ("object", &[data, "Object"]),
            ("text", &[data, "string"]),
            ("list", &[data, "Array"]),
            ("buffer", &[data, "ArrayBuffer"]),
            ("single", &[list, "Object"]),
            ("element", &[wrong, "got null"]),
            ("name", &[wrong, "its name: expected a string, got number"]),
            (
                "type",
                &[wrong, "its contentType: expected a string, got undefined"],
            ),
            ("surrogate", &[wrong, "its name", "half a surrogate pair"]),
            ("fault", &["invalid frame: half \u{fffd}"]),
            ("kind", &["internal fault: of a strange kind"]),
            (
                "infer-list",
                &[
                    "internal fault",
                    "expected an array of inputs, got number",
                    "src/plugin.ts:",
                ],
            ),
            (
                "infer-element",
                &["internal fault", "input 0: expected an object", "got null"],
            ),
            (
                "infer-size",
                &["internal fault", "input 0, its dimension 0", "got 1.5"],
            ),
            (
                "infer-type",
                &[
                    "internal fault",
                    "input 0, its ty: expected one of FP16",
                    "got \"u8\"",
                ],
            ),
            (
                "infer-data",
                &["internal fault", "input 0, its data: expected", "got Array"],
            ),
            (
                "infer-array",
                &[
                    "internal fault",
                    "input 0, its data: expected",
                    "got Int8Array",
                ],
            ),
            (
                "graph",
                &[
                    "internal fault",
                    "the graph's name: expected a string, got number",
                ],
            ),
            (
                "value",
                &[
                    "internal fault",
                    "the value: expected a Uint8Array, got string",
                ],
            ),
            (
                "delta",
                &[
                    "internal fault",
                    "the delta: expected a whole number",
                    "got 1.5",
                ],
            ),
            (
                "level",
                &[
                    "internal fault",
                    "the level: expected one of trace",
                    "got \"warning\"",
                ],
            ),
        ],
    );
}

#[test]
fn js_exception_line() {
    let source = include_str!("langs/mistakes.ts");
    let at = |text| format!("(src/plugin.ts:{}", line(source, text));
    answers(
        &JS,
        &[
            (
                "nested",
                &["TypeError: ", "null", &at("nothing.missing"), ", in fail)"],
            ),
            (
                "lines",
                &["RangeError: first second [31m", &at("RangeError(\"first")],
            ),
            ("long", &["RangeError: xxxx", "…"]),
            ("thrown-text", &["the text \"just text\""]),
            ("thrown-null", &["threw null"]),
            ("thrown-object", &["Object {\"a\":1}"]),
            ("json", &["TypeError", &at("json(\"said\", undefined)")]),
        ],
    );
    let (found, _) = says(&JS, &["long"]);
    assert!(found["long"].len() < 1500);
}

#[test]
fn js_services_and_console() {
    let (found, log) = says(&JS, &["services"]);
    has(&found["services"], &["0.5 2 count"]);
    has(&log, &["counted to 2", "said", "count"]);
}

#[test]
fn js_imports() {
    let project = Project::js();
    succeeds(&project.command(BUILD));
    let said = succeeds(&project.command(RUN)).to_lowercase();
    assert!(
        !said.contains("warn") && !said.contains("imports"),
        "{said}"
    );
}

#[test]
fn js_tests() {
    let project = Project::js();
    succeeds(&project.command(TEST));
    let second =
        "import test from \"node:test\"; test(\"second\", () => { throw new Error(\"seen\"); });";
    fs::create_dir_all(project.folder.join("test/below")).expect("made");
    for name in ["second.test.ts", "third.js", "below/fourth.mjs"] {
        let file = project.folder.join("test").join(name);
        fs::write(&file, second).expect("written");
        let output = project.command(TEST);
        assert!(!output.status.success(), "{name}");
        has(&String::from_utf8_lossy(&output.stdout), &["seen"]);
        fs::remove_file(file).expect("removed");
    }
    succeeds(&project.command(TEST));
}

#[test]
fn whole_test() {
    let python = Project::new("python");
    let source = include_str!("langs/test_services.py");
    fs::write(python.folder.join("src/test_services.py"), source).expect("written");
    has(&succeeds(&python.command(TEST)), &["Ran 7 tests", "OK"]);

    let js = Project::js();
    let source = include_str!("langs/services.js");
    fs::write(js.folder.join("test/services.js"), source).expect("written");
    has(
        &succeeds(&js.command(TEST)),
        &[
            "all of them",
            "what is refused",
            "the highest score is handed back",
        ],
    );

    // Natively, by the machine's own compiler, in the place of the template's own test.
    let c = Project::new("c");
    let source = include_str!("langs/services.c");
    fs::write(c.folder.join("src/plugin.c"), source).expect("written");
    fs::write(c.folder.join("test/plugin_test.c"), "").expect("written");
    has(
        &succeeds(&c.command(TEST)),
        &["3 tests passed", "all of them"],
    );
}
