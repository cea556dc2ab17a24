//! What a plugin reaches beside graphs: configuration, the log and buckets, each granted and not, in
//! every language that has an SDK, and natively. The plugin `counter` does what its frame says.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
    thread,
};

use tollgate_deploy::keyvalue;
use tollgate_deploy::values::BucketArg;
use tollgate_runtime::Instance;
use tollgate_services::{Grants, KeyValueGrant, Ledger, Limits, LogGrant, LogLevel, Record};
use tollgate_twin::Twin;

use crate::{
    cli::tollgate,
    support::{self, CONDUCT, component, file, frame, has, host},
};

/// The plugin's name in Rust, and in the other languages.
const COUNTERS: [&str; 6] = [
    "counter",
    "counter-c",
    "counter-cpp",
    "counter-zig",
    "counter-python",
    "counter-js",
];

/// Buckets in a file of their own.
fn buckets(path: &Path, names: &[&str]) -> KeyValueGrant {
    let wanted: Vec<_> = names
        .iter()
        .map(|name| BucketArg {
            name: (*name).to_owned(),
            path: path.to_owned(),
        })
        .collect();
    keyvalue::open(&wanted, Limits::default().bucket_bytes).expect("buckets")
}

fn granting(keyvalue: KeyValueGrant) -> Grants {
    let config = [("who", "world"), ("empty", "")];
    let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Grants {
        config: Arc::new(config.into_iter().collect()),
        logging: Some(LogGrant {
            name: "counter".into(),
            least: LogLevel::Debug,
        }),
        keyvalue,
        ..Grants::default()
    }
}

/// What a plugin says to these lines.
fn say(instance: &mut Instance, lines: &str) -> (String, Record) {
    let mut ledger = Ledger::open();
    ledger.start();
    let outcome = instance
        .handle(&frame(lines), &mut ledger)
        .expect("no trap");
    let outputs = outcome.expect("no fault");
    let said = String::from_utf8(outputs[0].data.clone()).expect("text");
    (said, ledger.close())
}

fn counter(grants: &Grants, limits: &Limits) -> Instance {
    let plugin = support::plugin("counter");
    Instance::new(&plugin, &host(&[]), grants, limits).expect("an instance")
}

/// Runs a plugin over these lines, as a user would.
fn run(guest: &str, lines: &str, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lines.txt");
    std::fs::write(&path, lines).expect("written");
    let output = tollgate()
        .arg("run")
        .arg(component(guest))
        .arg(path)
        // An interpreter on a loaded machine.
        .args(["--deadline", "60s"])
        .args(options)
        .output();
    output.expect("it starts")
}

/// What it said, line by line, and what stands on standard error.
fn told(output: &Output) -> (Vec<String>, String) {
    let stderr = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let stdout = String::from_utf8(output.stdout.clone()).expect("text");
    let said = stdout.trim_end().rsplit('\t').next().unwrap_or_default();
    (said.split("\\n").map(str::to_owned).collect(), stderr)
}

/// Each line, and what is said to it.
const TALK: [(&str, &str); 17] = [
    ("config who", "world"),
    ("config empty", ""),
    ("config gone", "none"),
    ("log info main it begins", "logged"),
    ("get counts a", "none"),
    ("set counts a 1", "set"),
    ("increment counts a 41", "42"),
    ("increment counts new 7", "7"),
    ("get counts a", "42"),
    ("exists counts a", "true"),
    ("delete counts a", "deleted"),
    ("delete counts a", "deleted"),
    ("exists counts a", "false"),
    ("set counts b two words é", "set"),
    ("get counts b", "two words é"),
    ("keys counts", "new,b"),
    ("get other a", "no-such-store"),
];

fn talk() -> String {
    TALK.map(|(line, _)| line).join("\n")
}

#[test]
fn every_language_has_what_is_granted() {
    for guest in COUNTERS {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = format!("counts={}", folder.path().join("f.redb").display());
        let options = [
            "--config",
            "who=world",
            "--config",
            "empty=",
            "--logging",
            "--keyvalue",
            &bucket,
        ];
        let (said, stderr) = told(&run(guest, &talk(), &options));
        assert_eq!(said, TALK.map(|(_, answer)| answer), "{guest}: {stderr}");
        has(
            &stderr,
            &[
                "INFO",
                "\"it begins\"",
                "context=\"main\"",
                &format!("plugin=\"{guest}\""),
            ],
        );
        // What was set by one process is there in the next.
        let lines = "get counts b\nincrement counts new 1\nset counts n x";
        let (said, _) = told(&run(guest, lines, &["--keyvalue", &bucket]));
        assert_eq!(said, ["two words é", "8", "set"], "{guest}");
        // In Zig the sentence is the fault's.
        let output = run(guest, "increment counts n 1", &["--keyvalue", &bucket]);
        let (all, mark) = match guest {
            "counter-zig" => (output.stderr, "internal fault: "),
            _ => (output.stdout, "other: "),
        };
        let all = String::from_utf8(all).expect("text");
        has(&all, &[mark, "`n` holds 1 bytes that are no number"]);
    }
}

#[test]
fn every_language_is_told_what_is_not_granted() {
    for guest in COUNTERS {
        let lines = "config who\nlog error main nobody hears it\nset counts a 1";
        let (said, stderr) = told(&run(guest, lines, &[]));
        assert_eq!(said, ["none", "logged", "access-denied"], "{guest}");
        for (import, option) in [
            ("wasi:config/store@0.2.0-rc.1", "--config KEY=VALUE"),
            ("wasi:logging/logging@0.1.0-draft", "--logging"),
            ("wasi:keyvalue/store@0.2.0-draft", "--keyvalue NAME=FILE"),
        ] {
            let line = stderr.lines().find(|line| line.contains(import));
            has(line.unwrap_or(&stderr), &[import, "granted: add", option]);
        }
        assert!(!stderr.contains("nobody hears"), "{guest}: {stderr}");
    }
}

/// What a plugin does not use is not in its component, in whatever language.
#[test]
fn nothing_is_imported_that_is_not_used() {
    let imports = |guest: &str| {
        let output = tollgate().arg("inspect").arg(component(guest)).output();
        String::from_utf8(output.expect("it starts").stdout).expect("text")
    };
    let services = ["wasi:config/", "wasi:logging/", "wasi:keyvalue/"];
    for guest in COUNTERS {
        let seen = imports(guest);
        has(&seen, &services);
        assert!(!seen.contains("NOT OFFERED"), "{guest}: {seen}");
        let other = guest.replace("counter", "meter-reader");
        let seen = imports(&other);
        for service in services {
            assert!(!seen.contains(service), "{other}: {seen}");
        }
    }
}

#[test]
fn the_twin_has_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let grants = granting(buckets(&folder.path().join("f"), &["counts"]));
    let limits = Limits::default();
    let library = file("target/guests/twins/counter.so");
    let mut twin = Twin::load(&library, host(&[]), &grants, &limits).expect("a twin");
    let (outcome, record) = twin.handle(&frame(&talk()));
    let said = outcome.expect("no failure").expect("no fault");
    let said = String::from_utf8(said[0].data.clone()).expect("text");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        TALK.map(|(_, answer)| answer)
    );
    assert!(record.host_ns > 0, "{record:?}");
    // The sandboxed one sees what the twin wrote: the buckets are the same.
    let mut instance = counter(&grants, &limits);
    assert_eq!(say(&mut instance, "get counts new").0, "7");
}

#[test]
fn calls_are_crossings_and_their_bytes_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let grants = granting(buckets(&folder.path().join("f"), &["counts"]));
    let mut instance = counter(&grants, &Limits::default());
    let crossings = |instance: &mut Instance, lines: &str| {
        let (said, record) = say(instance, lines);
        let counts = record.counts;
        assert_eq!((counts.copies_in, counts.copies_out), (0, 0));
        let bytes = (
            counts.bytes_in - said.len() as u64 - "saidtext/plain".len() as u64,
            { counts.bytes_out - lines.len() as u64 - "testtext/plain".len() as u64 },
        );
        (counts.crossings, bytes)
    };
    assert_eq!(crossings(&mut instance, "").0, 1, "the frame alone");
    assert_eq!(crossings(&mut instance, "config who"), (2, (3, 5)));
    assert_eq!(crossings(&mut instance, "log info main hello"), (2, (9, 0)));
    // Opened, called and dropped, which is two: Wasmtime's own part, and the host's.
    assert_eq!(
        crossings(&mut instance, "set counts key value"),
        (5, (14, 0))
    );
    assert_eq!(crossings(&mut instance, "get counts key"), (5, (9, 5)));
}

#[test]
fn a_host_that_is_killed_has_lost_nothing_of_what_was_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = folder.path().join("lines.txt");
    let bucket = format!("counts={}", folder.path().join("f.redb").display());
    for round in 1..=3 {
        std::fs::write(
            &lines,
            format!("increment counts a 1\nset counts k {round}"),
        )
        .expect("written");
        let mut running = tollgate()
            .arg("run")
            .arg(component("counter"))
            .arg(&lines)
            // More is to come, and never does.
            .arg("-")
            .args(["--keyvalue", &bucket])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = String::new();
        let mut stdout = BufReader::new(running.stdout.take().expect("piped"));
        stdout.read_line(&mut said).expect("an output");
        has(&said, &[&format!("{round}\\nset")]);
        running.kill().expect("killed, and not asked");
        running.wait().expect("gone");
    }
    let (said, _) = told(&run(
        "counter",
        "get counts a\nget counts k",
        &["--keyvalue", &bucket],
    ));
    assert_eq!(said, ["3", "3"]);
}

#[test]
fn instances_add_to_one_number_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let grants = granting(buckets(&folder.path().join("f"), &["counts"]));
    let limits = Limits::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut instance = counter(&grants, &limits);
            scope.spawn(move || {
                for _ in 0..25 {
                    say(&mut instance, "increment counts a 1");
                }
            });
        }
    });
    let mut instance = counter(&grants, &limits);
    assert_eq!(say(&mut instance, "get counts a").0, "100");
}

#[test]
fn buckets_that_are_not_granted_are_as_unknown_as_those_that_are_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f");
    drop(buckets(&path, &["mine", "theirs"]));
    let mut instance = counter(&granting(buckets(&path, &["mine"])), &Limits::default());
    let (said, _) = say(&mut instance, "set mine a 1\nget theirs a\nget nobodys a");
    assert_eq!(said, "set\nno-such-store\nno-such-store");
}

#[test]
fn keys_values_and_buckets_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let grants = granting(buckets(&folder.path().join("f"), &["counts"]));
    let limits = Limits {
        key_bytes: 4,
        value_bytes: 8,
        bucket_bytes: 2 * (4 + 8 + tollgate_services::ENTRY_BYTES),
        ..Limits::default()
    };
    let mut instance = counter(&grants, &limits);
    let mut said = |lines: &str| say(&mut instance, lines).0;
    assert_eq!(said("set counts aaaa 12345678"), "set");
    has(
        &said("set counts aaaaa 1"),
        &["other: ", "at most 4 bytes", "has 5"],
    );
    has(&said("get counts aaaaa"), &["at most 4 bytes"]);
    has(&said("increment counts aaaaa 1"), &["at most 4 bytes"]);
    has(&said("delete counts aaaaa"), &["at most 4 bytes"]);
    has(&said("exists counts aaaaa"), &["at most 4 bytes"]);
    has(
        &said("set counts a 123456789"),
        &["at most 8 bytes", "has 9"],
    );
    assert_eq!(said("set counts bbbb 12345678"), "set");
    has(
        &said("set counts c 1"),
        &["other: ", "holds at most 88 bytes"],
    );
    has(&said("increment counts c 1"), &["holds at most 88 bytes"]);
    assert_eq!(
        said("set counts bbbb 1\ndelete counts aaaa\nset counts c 1"),
        "set\ndeleted\nset"
    );
}

#[test]
fn one_call_brings_no_more_than_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let grants = granting(buckets(&folder.path().join("f"), &["counts"]));
    let instance = Instance::new(&CONDUCT, &host(&[]), &grants, &Limits::default());
    let mut guest = support::Conduct(instance.expect("an instance"));
    assert_eq!(guest.say("set-many counts a 1000000 b 1000000 c 3"), "set");
    assert_eq!(guest.say("get-many counts a d c"), "a=1000000 none c=3");
    // A hundred thousand times a million bytes.
    let many = ["a"; 100_000].join(" ");
    has(
        &guest.say(&format!("get-many counts {many}")),
        &["at most 33554432 bytes", "fewer keys"],
    );
    // All of them or none.
    has(
        &guest.say("set-many counts d 1 e 2000000"),
        &["at most 1048576 bytes"],
    );
    assert_eq!(guest.say("get-many counts d"), "none");
    assert_eq!(guest.say("delete-many counts a b d"), "deleted");
    assert_eq!(guest.say("get-many counts a b c"), "none none c=3");
}

/// One line stays one line, whatever is in it, and does nothing to a terminal.
#[test]
fn a_log_line_cannot_pass_for_another() {
    let line = "log warn ctx\u{1b}[31m evil \u{1b}[2J\u{202e} \" plugin=\"other\" \r2026-01-01 ERROR forged \u{7f}\u{9b}";
    let (_, stderr) = told(&run("counter", line, &["--logging=trace"]));
    let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains("evil"))
        .collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(!lines[0].contains(bad), "{:?}", lines[0]);
    has(
        lines[0],
        &[
            "WARN",
            r#"evil \u{1b}[2J\u{202e} \" plugin=\"other\""#,
            "ctx",
        ],
    );
    has(lines[0], &["\\r2026-01-01", "plugin=\"counter\""]);
}

#[test]
fn log_lines_have_a_level_a_length_and_an_end() {
    let levels = "log trace a one\nlog debug a two\nlog info a three\nlog warn a four\nlog error a five\nlog critical a six";
    let seen = |option: &str| {
        let (_, stderr) = told(&run("counter", levels, &[option]));
        let seen = |word: &&str| stderr.contains(&format!("\"{word}\""));
        ["one", "two", "three", "four", "five", "six"]
            .into_iter()
            .filter(seen)
            .count()
    };
    assert_eq!(seen("--logging"), 4);
    assert_eq!(seen("--logging=trace"), 6);
    assert_eq!(seen("--logging=error"), 2);
    assert_eq!(seen("--logging=critical"), 1);

    let long = format!("log info a {}", "é".repeat(5000));
    let (_, stderr) = told(&run("counter", &long, &["--logging"]));
    has(&stderr, &["é\" and 5904 bytes more"]);
    let short = ["--logging", "--max-log-line", "5"];
    let (_, stderr) = told(&run("counter", "log info a éééé", &short));
    has(&stderr, &["\"éé\" and 4 bytes more"]);

    let many = ["log info a sixteen bytes..."; 100].join("\n");
    let (said, stderr) = told(&run("counter", &many, &["--logging", "--max-log", "200"]));
    assert_eq!(said.len(), 100, "the plugin notices nothing");
    let lines = stderr
        .lines()
        .filter(|line| line.contains("sixteen"))
        .count();
    assert!((5..=12).contains(&lines), "{stderr}");
    assert_eq!(stderr.matches("what else it logs is dropped").count(), 1);
}

#[test]
fn a_file_of_settings_can_grant() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    let bucket = folder.path().join("f.redb");
    let text = format!(
        "schema = 1\nconfig = [\"who=file\", \"a=b=c\"]\nlogging = \"warn\"\nkeyvalue = [{:?}]\n",
        format!("counts={}", bucket.display())
    );
    std::fs::write(&settings, text).expect("written");
    let settings = settings.to_str().expect("text");
    let lines = "config who\nconfig a\nlog info a low\nlog warn a high\nset counts a 1";
    let options = ["--settings", settings, "--config", "who=typed"];
    let (said, stderr) = told(&run("counter", lines, &options));
    assert_eq!(said, ["typed", "b=c", "logged", "logged", "set"]);
    assert!(
        stderr.contains("\"high\"") && !stderr.contains("\"low\""),
        "{stderr}"
    );
}

#[test]
fn files_that_hold_no_buckets_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f");
    std::fs::write(&path, "something else").expect("written");
    let refused = |bucket: &Path| {
        let bucket = format!("counts={}", bucket.display());
        let output = run("counter", "", &["--keyvalue", &bucket]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("text")
    };
    has(&refused(&path), &["cannot use", "for buckets"]);
    has(
        &refused(Path::new("/no/such/folder/f")),
        &["cannot use", "No such file"],
    );
    let mine = folder.path().join("mine");
    let _held = buckets(&mine, &["counts"]);
    has(&refused(&mine), &["in use by another process"]);
}
