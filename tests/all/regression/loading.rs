//! What is read of a model before and while it is loaded, and what is said of it: by errors, and in the
//! log.

use tollgate_nn::{
    Argument, Data, Error, ErrorCode, GraphOptions, GraphRegistry, Scratch, TensorType,
};
use tollgate_services::{Grants, Limits};

use super::onnx::{FLOAT, Model, field, list, node, node_of, value};
use crate::{
    cli::{path, tollgate},
    support::{self, Conduct, case, component, has},
};

fn load(bytes: &[u8]) -> Error {
    support::onnxruntime();
    let loaded = GraphRegistry::new().load_bytes("g", bytes, &GraphOptions::default());
    loaded.map(|_| ()).expect_err("no model")
}

/// A message is one sentence on one line, without C++ and without end.
#[track_caller]
fn is_fit_for_people(message: &str) {
    assert!(!message.chars().any(char::is_control), "{message:?}");
    for noise in ["onnxruntime::", "onnxruntime_src", ".cc:", ".h:", "std::"] {
        assert!(!message.contains(noise), "{noise} in: {message}");
    }
    assert!(message.len() < 4096, "{} bytes", message.len());
}

#[test]
fn not_a_model() {
    let read = |name: &str| std::fs::read(case(&format!("not-a-model/{name}"))).expect("a case");
    let plain = || Model::new(&[-1, 3], &[-1, 3]).node("Relu", &["x"], &["y"]);
    let zip = b"PK\x03\x04\x14\0\0\0\0\0model/data.pkl";
    let mut cut = plain().bytes();
    cut.truncate(cut.len() / 2);
    let unread = ErrorCode::InvalidEncoding;
    for (what, bytes, code, words) in [
        (
            "lfs",
            read("lfs.onnx"),
            unread,
            &["Git LFS pointer", "git lfs pull"][..],
        ),
        (
            "opset",
            read("opset.onnx"),
            ErrorCode::UnsupportedOperation,
            &["99", "`ai.onnx`", "opset_version"],
        ),
        (
            "ir",
            read("ir.onnx"),
            ErrorCode::UnsupportedOperation,
            &["99", "ir_version"],
        ),
        (
            "newer",
            plain().opset(99).bytes(),
            ErrorCode::UnsupportedOperation,
            &["99", "up to"],
        ),
        (
            "a page",
            b"<!DOCTYPE html>\n<html><body>404</body></html>".to_vec(),
            unread,
            &["web page"],
        ),
        (
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(),
            unread,
            &["gzip", "unpack"],
        ),
        (
            "tflite",
            b"\x1c\0\0\0TFL3\x14\0\x20\0".to_vec(),
            unread,
            &["TensorFlow Lite", "tf2onnx"],
        ),
        (
            "pytorch",
            zip.to_vec(),
            unread,
            &["PyTorch", "torch.onnx.export"],
        ),
        (
            "safetensors",
            b"\x10\0\0\0\0\0\0\0{\"a\":{}}        ".to_vec(),
            unread,
            &["safetensors"],
        ),
        ("hdf5", b"\x89HDF\r\n\x1a\n\0\0".to_vec(), unread, &["HDF5"]),
        ("empty", Vec::new(), unread, &["empty"]),
        (
            "json",
            b"{\"message\": \"Not Found\"}".to_vec(),
            unread,
            &["text"],
        ),
        (
            "no graph",
            super::onnx::number(1, 8),
            unread,
            &["no ONNX graph"],
        ),
        ("cut", cut, unread, &["cut short"]),
    ] {
        let error = load(&bytes);
        assert_eq!(error.code(), code, "{what}: {error}");
        has(&error.to_string(), words);
        is_fit_for_people(&error.to_string());
        // The same of a file.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("model.onnx");
        std::fs::write(&file, &bytes).expect("it writes");
        let options = GraphOptions::default();
        let error = GraphRegistry::new().load_file("g", &file, &options);
        let error = error.map(|_| ()).expect_err("no model");
        assert_eq!(error.code(), code, "{what}: {error}");
        if what != "cut" {
            has(&error.to_string(), words);
        }
        is_fit_for_people(&error.to_string());
    }
    let folder = support::root();
    let error = GraphRegistry::new().load_file("g", &folder, &GraphOptions::default());
    has(&error.expect_err("a folder").to_string(), &["folder"]);
}

/// Says what an inference on a model from bytes failed with.
fn fails(bytes: &[u8], dimensions: &[u32]) -> Error {
    support::onnxruntime();
    let options = GraphOptions::default();
    let graph = GraphRegistry::load_private(bytes, &options).expect("a model that loads");
    let count = dimensions.iter().product::<u32>() as usize;
    let argument = Argument {
        name: None,
        data: Data::Bytes {
            ty: TensorType::Fp32,
            dimensions,
            bytes: &vec![0; 4 * count],
        },
    };
    let ran = graph.run(&mut Scratch::new().expect("a scratch"), &[argument], None);
    ran.map(|_| ()).expect_err("it fails")
}

#[test]
fn names_in_a_model() {
    let bytes = std::fs::read(case("names-in-a-model/esc-node.onnx")).expect("a case");
    let error = fails(&bytes, &[1, 4]);
    assert_eq!(error.code(), ErrorCode::RuntimeError);
    has(&error.to_string(), &["Reshape", "\\u{1b}"]);
    is_fit_for_people(&error.to_string());
    // A name without end, of a node and of an input.
    let long = "\u{1b}]0;title\u{7}\n\u{202e}".repeat(100_000);
    let mut model = Model::new(&[-1, 4], &[-1, 3]).constant(list("s", &[-1, 3]));
    let reshape = node("Reshape", &["x", "s"], &["y"], &[]);
    model
        .nodes
        .push([reshape, field(3, long.as_bytes())].concat());
    let error = fails(&model.bytes(), &[1, 4]).to_string();
    is_fit_for_people(&error);
    has(&error, &["bytes left out", "cannot be reshaped"]);
    let mut model = Model::new(&[], &[-1, 3]).node("Relu", &[&long], &["y"]);
    model.inputs = vec![value(&long, FLOAT, &[-1, 3])];
    for dimensions in [&[1, 4][..], &[3]] {
        is_fit_for_people(&fails(&model.bytes(), dimensions).to_string());
    }
    // What cannot be loaded.
    let mut model = Model::new(&[-1, 3], &[-1, 3]);
    model.nodes = vec![node_of("", &long, &["x"], &["y"], &[])];
    is_fit_for_people(&load(&model.bytes()).to_string());
    let model = Model::new(&[-1, 3], &[-1, 3]).node("Relu", &[&long], &["y"]);
    is_fit_for_people(&load(&model.bytes()).to_string());
}

#[test]
fn external_data() {
    let bytes = std::fs::read(case("hostile/models/ext-rel-group-top.onnx")).expect("a case");
    let error = load(&bytes);
    assert_eq!(error.code(), ErrorCode::UnsupportedOperation, "{error}");
    has(&error.to_string(), &["other files"]);
    let granted = Grants {
        load: true,
        ..Grants::default()
    };
    let mut guest = Conduct::with(&[], &granted, &Limits::default());
    let mut says = |bytes: &[u8]| {
        let frame = [b"load\n", bytes].concat();
        guest.try_say(&frame).0.expect("no trap").expect("no fault")
    };
    has(&says(&bytes), &["UnsupportedOperation", "other files"]);
    // Whatever stands in front, at every level, and whatever cannot be followed.
    let plain = Model::new(&[-1, 3], &[-1, 3]).node("Relu", &["x"], &["y"]);
    let external = [
        field(8, b"w"),
        field(
            13,
            &[field(1, b"location"), field(2, b"secret.bin")].concat(),
        ),
    ]
    .concat();
    let empty_group = [0xa3, 0x06, 0xa4, 0x06];
    for before in [
        &[][..],
        &empty_group,
        &[0x3b, 0x3c],
        &[0x88, 0x80, 0x80, 0x00, 0x08],
    ] {
        let tensor = [before, &external].concat();
        let graph = [before, &field(5, &tensor)].concat();
        let bytes = [before, &plain.bytes(), &field(7, &graph)].concat();
        has(&says(&bytes), &["UnsupportedOperation", "other files"]);
    }
    for broken in [&[0x00][..], &[0x0c], &[0x0f], &[0x0b], &[0x0a, 0x7f]] {
        for level in 0..3 {
            let put = |at: usize, bytes: Vec<u8>| match at == level {
                true => [broken, &bytes].concat(),
                false => bytes,
            };
            let graph = put(1, field(5, &put(2, external.clone())));
            let bytes = put(0, [plain.bytes(), field(7, &graph)].concat());
            let said = says(&bytes);
            assert!(
                said.contains("InvalidEncoding") || said.contains("other files"),
                "{said}"
            );
        }
    }
    // A compiled model is a file as well.
    let mut compiled = Model::new(&[-1, 3], &[-1, 3]);
    compiled.nodes = vec![node_of("com.microsoft", "EPContext", &["x"], &["y"], &[])];
    has(
        &says(&compiled.bytes()),
        &["UnsupportedOperation", "EPContext"],
    );
    assert_eq!(says(&plain.bytes()), "loaded");
}

#[test]
fn log_flood() {
    let folder = tempfile::tempdir().expect("a folder");
    for frame in 0..500 {
        let command = "infer evilrun x:FP32:1";
        std::fs::write(folder.path().join(format!("{frame:03}.txt")), command).expect("it writes");
    }
    let model = format!("evilrun={}", path(&case("hostile/models/evilrun.onnx")));
    for more in [&[][..], &["-v"], &["-vv"]] {
        let mut command = tollgate();
        command.args(["run", path(&component("conduct")), path(folder.path())]);
        command.args(["--model", &model]).args(more);
        command.env_remove("TOLLGATE_LOG");
        let output = command.output().expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        let raw = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
        assert!(!errors.contains(raw), "{more:?}: {errors:?}");
        let about = errors
            .lines()
            .filter(|line| line.contains("Reshape"))
            .count();
        assert!(about <= 64, "{more:?}: {about} lines of ONNX Runtime's");
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(!output.contains("\u{1b}]0;"), "{output:?}");
    }
}

#[test]
fn fold_mem() {
    let bytes = std::fs::read(case("hostile/models/fold-mem200.onnx")).expect("a case");
    // Two constants of fifty million elements out of 186 bytes.
    assert!(tollgate_nn::model_size(&bytes) > 200 << 20);
    let plain = Model::new(&[-1, 3], &[-1, 3])
        .node("Relu", &["x"], &["y"])
        .bytes();
    assert_eq!(tollgate_nn::model_size(&plain), plain.len() as u64);
    assert_eq!(tollgate_nn::model_size(b"no model"), 8);
}
