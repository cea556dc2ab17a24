//! One contract, every language: the example's plugin in each, run as a user would, on the same frames.
//! What the Rust plugin reads, all of them read, to the last character; what it refuses, they refuse.
//!
//! The frames are the example's own and others made from them, so that what only happens to large, dark,
//! cut or damaged pictures is compared as well.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    cli::tollgate,
    support::{component, file, has},
};

/// Each language but Rust by itself, of the guests that `cargo xtask guests` and `cargo xtask guests --lang all` build;
/// the last three are preview1 modules.
pub const LANGUAGES: [&str; 8] = [
    "meter-reader-c",
    "meter-reader-cpp",
    "meter-reader-zig",
    "meter-reader-python",
    "meter-reader-js",
    "meter-reader-assemblyscript",
    "meter-reader-go",
    "preview1-meter-reader",
];

/// What a plugin made of a folder of frames.
#[derive(Debug, PartialEq)]
pub struct Readings {
    /// `FILE TAB reading TAB JSON`, a frame each, without its confidences.
    pub outputs: Vec<String>,
    /// The confidences, in thousandths, in order.
    confidences: Vec<i64>,
    /// `FILE: KIND: SENTENCE`, a frame each.
    pub faults: Vec<String>,
}

/// Runs a plugin with the example's model under this name; over which frames is still open.
fn command(guest: &str, graph: &str) -> Command {
    let digits = file("examples/meter-reader/models/digits.onnx");
    let mut command = tollgate();
    command
        .arg("run")
        .arg(component(guest))
        .arg("--model")
        .arg(format!("{graph}={}", digits.display()))
        // Interpreted languages take a hundred times as long, and a loaded machine ten times more.
        .args(["--deadline", "60s"]);
    command
}

fn run(guest: &str, graph: &str, frames: &Path) -> Output {
    let output = command(guest, graph).arg(frames).output();
    output.expect("it starts")
}

/// Runs a plugin over a folder.
pub fn read(guest: &str, folder: &Path) -> Readings {
    let output = run(guest, "digits", folder);
    let stdout = String::from_utf8(output.stdout).expect("text");
    let stderr = String::from_utf8(output.stderr).expect("text");
    // A preview1 module has one output and no name for it.
    let stdout = stdout.replace("\tstdout\t", "\treading\t");
    let (outputs, confidences) = lines(&stdout, "\treading\t")
        .iter()
        .map(|line| without_confidences(line))
        .unzip::<String, Vec<i64>, Vec<_>, Vec<_>>();
    let readings = Readings {
        outputs,
        confidences: confidences.concat(),
        faults: lines(&stderr, ": invalid frame: "),
    };
    let count = fs::read_dir(folder).expect("a folder").count();
    assert_eq!(
        readings.outputs.len() + readings.faults.len(),
        count,
        "{guest} made neither a reading nor a fault of some frame: {stderr}"
    );
    readings
}

/// The text without the numbers that follow `"confidence":`, and those in thousandths.
fn without_confidences(line: &str) -> (String, Vec<i64>) {
    let mut parts = line.split("\"confidence\":");
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut confidences = Vec::new();
    for part in parts {
        let end = part.find([',', '}']).expect("a number's end");
        let confidence: f64 = part[..end].parse().expect("a number");
        confidences.push((confidence * 1000.0).round() as i64);
        text.push_str("\"confidence\":");
        text.push_str(&part[end..]);
    }
    (text, confidences)
}

/// The same frames read the same, to the last digit, and about as surely: the SDKs scale a window by
/// arithmetic of their own, which may differ by one level of grey.
#[track_caller]
fn agree(language: &str, found: &Readings, expected: &Readings) {
    assert_eq!(found.outputs, expected.outputs, "{language}");
    assert_eq!(found.faults, expected.faults, "{language}");
    let pairs = found.confidences.iter().zip(&expected.confidences);
    let apart = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    assert!(
        apart <= 50,
        "{language}: confidences are {apart} thousandths apart"
    );
}

fn lines(text: &str, mark: &str) -> Vec<String> {
    let marked = text.lines().filter(|line| line.contains(mark));
    marked.map(str::to_owned).collect()
}

/// The example's frames, by name.
fn frames() -> Vec<(String, Picture)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(file("examples/meter-reader/frames-pgm"))
        .expect("the example's frames")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 48);
    let named = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name.into_owned(), Picture::read(&path))
    };
    paths.into_iter().map(named).collect()
}

/// A grey picture.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// One of the example's: a header of three lines, then the pixels.
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("a frame");
        let (width, height) = (288, 84);
        assert!(bytes.starts_with(b"P5\n288 84\n255\n"), "{path:?}");
        let pixels = bytes[bytes.len() - width * height..].to_vec();
        Picture {
            width,
            height,
            pixels,
        }
    }

    /// Made of the nearest pixels of this one.
    fn mapped(&self, width: usize, height: usize, from: impl Fn(f64, f64) -> (f64, f64)) -> Self {
        let within = |at: f64, size: usize| (at.max(0.0) as usize).min(size - 1);
        let pixel = |place: usize| {
            let (x, y) = from((place % width) as f64, (place / width) as f64);
            self.pixels[within(y, self.height) * self.width + within(x, self.width)]
        };
        Picture {
            width,
            height,
            pixels: (0..width * height).map(pixel).collect(),
        }
    }

    fn scaled(&self, by: f64) -> Self {
        let side = |size: usize| (size as f64 * by) as usize;
        self.mapped(side(self.width), side(self.height), |x, y| (x / by, y / by))
    }

    /// Turned about its middle, on a picture twice as high.
    fn turned(&self, degrees: f64) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (middle, old, new) = (
            self.width as f64 / 2.0,
            self.height as f64 / 2.0,
            self.height as f64,
        );
        self.mapped(self.width, self.height * 2, |x, y| {
            let (x, y) = (x - middle, y - new);
            (middle + cosine * x + sine * y, old - sine * x + cosine * y)
        })
    }

    fn each(&self, change: impl Fn(u8) -> u8) -> Self {
        self.mapped(self.width, self.height, |x, y| (x, y))
            .with(|pixel| *pixel = change(*pixel))
    }

    fn with(mut self, change: impl FnMut(&mut u8)) -> Self {
        self.pixels.iter_mut().for_each(change);
        self
    }

    fn pgm(&self, maximum: u8) -> Vec<u8> {
        let header = format!(
            "P5 # a comment\n{} {}\n{maximum}\n",
            self.width, self.height
        );
        [header.as_bytes(), &self.pixels].concat()
    }
}

/// Frames that no camera of the example's took, some of which are to be refused.
fn odd_frames() -> Vec<(String, Vec<u8>)> {
    let mut odd: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, picture) in frames().into_iter().step_by(12) {
        let mut add = |what: &str, bytes: Vec<u8>| odd.push((format!("{name}-{what}"), bytes));
        for by in [1.3, 1.99, 2.0, 2.7] {
            add(&format!("scaled-{by}"), picture.scaled(by).pgm(255));
        }
        for degrees in [-9.0, 4.0, 16.0] {
            add(
                &format!("turned-{degrees}"),
                picture.turned(degrees).pgm(255),
            );
        }
        add("dim", picture.each(|pixel| pixel / 3).pgm(255));
        add("seven-bits", picture.each(|pixel| pixel / 2).pgm(127));
        add("negative", picture.each(|pixel| 255 - pixel).pgm(255));
        let bytes = picture.pgm(255);
        add("short", bytes[..bytes.len() - 7].to_vec());
    }
    for (name, header) in [
        ("no-height", "P5 30"),
        ("ten-digits", "P5 9999999999 1 1\n"),
        ("too-wide", "P5 4097 40 255\n"),
        ("no-space", "P5 30 40 255x"),
        ("sixteen-bits", "P5 30 40 65535\n"),
        ("no-pixels", "P5 30 40 255"),
    ] {
        let pixels: &[u8] = if name == "no-pixels" {
            &[]
        } else {
            &[120; 2400]
        };
        odd.push((name.to_owned(), [header.as_bytes(), pixels].concat()));
    }
    odd
}

/// At most twenty frames of a folder: the command line names no more of those that fail.
const NAMED: usize = 20;

#[test]
fn every_language_reads_every_frame_as_rust_does() {
    let folder = file("examples/meter-reader/frames-pgm");
    let expected = read("meter-reader", &folder);
    assert_eq!((expected.outputs.len(), expected.faults.len()), (48, 0));
    for language in LANGUAGES {
        let found = read(language, &folder);
        agree(language, &found, &expected);
    }
}

#[test]
fn every_language_takes_odd_frames_as_rust_does() {
    let odd = odd_frames();
    for part in odd.chunks(NAMED) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in part {
            fs::write(folder.path().join(format!("{name}.pgm")), bytes).expect("written");
        }
        let expected = read("meter-reader", folder.path());
        for language in LANGUAGES {
            let found = read(language, folder.path());
            agree(language, &found, &expected);
        }
    }
}

#[test]
fn every_language_says_what_graph_it_lacks() {
    for language in LANGUAGES {
        let frame = file("examples/meter-reader/frames-pgm/meter-000.pgm");
        let output = run(language, "letters", &frame);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{language}: {stderr}");
        has(&stderr, &["inference failed", "`digits`"]);
        // Where the words are not ours: the crate `wasi-nn` has its own.
        let words = stderr.to_lowercase().replace('-', " ");
        has(&words, &["not found"]);
    }
}
