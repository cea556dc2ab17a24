//! A plugin driven as a host drives a twin: through the symbol that `export!` makes, with a table
//! of functions that stand in for the host's.
#![cfg(not(target_family = "wasm"))]
#![allow(unsafe_code, reason = "the host's side of a C ABI")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    ptr, slice,
};

use tollgate_guest::{Fault, Frame, Graph, Input, Output, Plugin};
use tollgate_twin_abi as abi;

thread_local! {
    static REFUSE_NEW: Cell<bool> = const { Cell::new(false) };
    static STASH: RefCell<Option<Graph>> = const { RefCell::new(None) };
}

/// Does what the frame's content type says, and counts the frames it has seen.
struct Obedient {
    double: Graph,
    seen: u32,
}

impl Plugin for Obedient {
    fn new() -> Result<Self, Fault> {
        if REFUSE_NEW.get() {
            return Err(Fault::Internal("not today".into()));
        }
        Ok(Self {
            double: Graph::load("double")?,
            seen: 0,
        })
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        self.seen += 1;
        let dimensions = [frame.data.len() as u32];
        let input = Input::new(&dimensions, &frame.data);
        match frame.content_type.as_str() {
            "infer" => {
                let tensors = self.double.infer(&[input])?;
                assert_eq!(tensors[1].dimensions(), []);
                let sum = tensors[1].as_slice::<i64>()?[0];
                Ok(vec![
                    Output::new("y", "raw", tensors[0].bytes()),
                    Output::json("sum", format!("{{\"sum\":{sum}}}")),
                ])
            }
            "many" => {
                let tensors = self.double.infer(&[input.named("a"), input.named("b")])?;
                Ok(vec![Output::new("count", "raw", tensors[0].bytes())])
            }
            "compute" => {
                let tensors = self.double.context()?.compute(&[("x", input)])?;
                let output = |(name, tensor): &(String, tollgate_guest::Tensor)| {
                    Output::new(name.as_str(), "raw", tensor.bytes())
                };
                Ok(tensors.iter().map(output).collect())
            }
            "describe" => {
                let metadata = self.double.describe()?;
                Ok(vec![Output::new(
                    "metadata",
                    "text",
                    format!("{metadata:?}"),
                )])
            }
            "stash" => {
                STASH.set(Some(Graph::load("double")?));
                Ok(vec![])
            }
            "seen" => Ok(vec![Output::new(
                "seen",
                frame.source.as_str(),
                format!("{} {} {}", self.seen, frame.sequence, frame.acquired_ns),
            )]),
            "missing" => Graph::load("missing").map(|_| vec![]).map_err(Fault::from),
            "panic" => panic!("asked to"),
            other => Err(Fault::InvalidFrame(format!("'{other}' means nothing"))),
        }
    }
}

tollgate_guest::export!(Obedient);

unsafe extern "C" {
    fn tollgate_twin_v2() -> abi::Twin;
}

/// The host that stands behind the table.
#[derive(Default)]
struct FakeHost {
    loaded: Cell<u32>,
    dropped: Cell<u32>,
}

fn bytes(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// # Safety
/// As for any slice.
unsafe fn read(bytes: abi::Bytes) -> Vec<u8> {
    if bytes.ptr.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(bytes.ptr, bytes.len) }.to_vec()
}

unsafe extern "C" fn load_by_name(
    host: *mut c_void,
    name: abi::Bytes,
    graph: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: called by the twin with what `Session` gave it.
    unsafe {
        if read(name) != b"double" {
            fail(context, 6, bytes(b"no graph of that name"));
            return false;
        }
        let host = &*host.cast::<FakeHost>();
        host.loaded.set(host.loaded.get() + 1);
        *graph = 7;
    }
    true
}

unsafe extern "C" fn drop_graph(host: *mut c_void, graph: u64) {
    assert_eq!(graph, 7);
    // SAFETY: as in `load_by_name`.
    let host = unsafe { &*host.cast::<FakeHost>() };
    host.dropped.set(host.dropped.get() + 1);
}

unsafe extern "C" fn describe(
    _host: *mut c_void,
    graph: u64,
    info: abi::InfoSink,
    device: abi::TextSink,
    _fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    assert_eq!(graph, 7);
    let dimensions = [-1i64, 3];
    let describe = |name: &'static [u8], ty| abi::TensorInfo {
        name: bytes(name),
        ty,
        dimensions: dimensions.as_ptr(),
        rank: dimensions.len(),
    };
    // SAFETY: the sinks belong to the context, and what they are given outlives the calls.
    unsafe {
        info(context, false, &describe(b"x", 4));
        info(context, true, &describe(b"y", 1));
        device(context, 0, bytes(b"cpu"));
    }
    true
}

unsafe extern "C" fn infer(
    _host: *mut c_void,
    graph: u64,
    inputs: *const abi::TensorRef,
    count: usize,
    outputs: abi::TensorSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    assert_eq!(graph, 7);
    // SAFETY: the twin's inputs live through the call, as do the outputs made here.
    unsafe {
        let inputs = slice::from_raw_parts(inputs, count);
        let data = read(inputs[0].data);
        if data.is_empty() {
            fail(context, 0, bytes(b"input 'x' is empty"));
            return false;
        }
        assert_eq!(*inputs[0].dimensions, data.len() as u32);
        let names: Vec<_> = inputs.iter().map(|input| read(input.name)).collect();
        if count == 2 {
            assert_eq!(names, [b"a", b"b"]);
        }
        let doubled: Vec<u8> = data.iter().map(|byte| byte * 2).collect();
        let dimensions = [data.len() as u32];
        let y = abi::TensorRef {
            name: bytes(b"y"),
            ty: 4,
            dimensions: dimensions.as_ptr(),
            rank: 1,
            data: bytes(&doubled),
        };
        outputs(context, &y);
        let sum = data
            .iter()
            .map(|byte| i64::from(*byte))
            .sum::<i64>()
            .to_le_bytes();
        let scalar = abi::TensorRef {
            name: bytes(b"sum"),
            ty: 6,
            dimensions: ptr::null(),
            rank: 0,
            data: bytes(&sum),
        };
        outputs(context, &scalar);
    }
    true
}

type Said = Vec<(u8, String)>;

/// What is not asked of this host: configuration, log and buckets are tested with a real one, in
/// the workspace's `tests`.
mod unasked {
    use std::ffi::c_void;

    use tollgate_twin_abi::{Bytes, BytesSink, Cursor, TextSink};

    type Context = *mut c_void;

    pub extern "C" fn config(_: Context, _: Bytes, _: BytesSink, _: Context) {
        panic!("nobody asks");
    }
    pub extern "C" fn log(_: Context, _: u8, _: Bytes, _: Bytes) {
        panic!("nobody asks");
    }
    pub extern "C" fn open(_: Context, _: Bytes, _: *mut u64, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn dropped(_: Context, _: u64) {
        panic!("nobody asks");
    }
    pub extern "C" fn get(
        _: Context,
        _: u64,
        _: Bytes,
        _: BytesSink,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn set(_: Context, _: u64, _: Bytes, _: Bytes, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn delete(_: Context, _: u64, _: Bytes, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn exists(
        _: Context,
        _: u64,
        _: Bytes,
        _: *mut bool,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn increment(
        _: Context,
        _: u64,
        _: Bytes,
        _: u64,
        _: *mut u64,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn keys(
        _: Context,
        _: u64,
        _: *mut Cursor,
        _: BytesSink,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
}

unsafe extern "C" fn on_fail(context: *mut c_void, code: u8, text: abi::Bytes) {
    // SAFETY: `context` is the `Answer` of the call that is on.
    let (answer, text) = unsafe { (&mut *context.cast::<Answer>(), read(text)) };
    answer.said.push((code, String::from_utf8(text).unwrap()));
}

unsafe extern "C" fn on_output(context: *mut c_void, output: *const abi::Output) {
    // SAFETY: `context` is the `Answer` of the call that is on, and `output` lives through it.
    unsafe {
        let output = &*output;
        let text = |bytes| String::from_utf8(read(bytes)).unwrap();
        (*context.cast::<Answer>()).outputs.push((
            text(output.name),
            text(output.content_type),
            read(output.data),
        ));
    }
}

#[derive(Default)]
struct Answer {
    said: Said,
    outputs: Vec<(String, String, Vec<u8>)>,
}

/// One plugin in one host.
struct Session {
    host: Box<FakeHost>,
    // The twin keeps no pointer to the table, but a host may not count on that.
    _table: Box<abi::Host>,
    twin: abi::Twin,
    plugin: *mut c_void,
}

impl Session {
    fn with_abi(version: u32) -> Result<Self, Said> {
        let host = Box::new(FakeHost::default());
        let table = Box::new(abi::Host {
            abi: version,
            host: ptr::from_ref(&*host).cast_mut().cast(),
            load_by_name,
            drop_graph,
            describe,
            infer,
            config: unasked::config,
            log: unasked::log,
            open_bucket: unasked::open,
            drop_bucket: unasked::dropped,
            bucket_get: unasked::get,
            bucket_set: unasked::set,
            bucket_delete: unasked::delete,
            bucket_exists: unasked::exists,
            bucket_increment: unasked::increment,
            bucket_keys: unasked::keys,
        });
        let mut answer = Answer::default();
        // SAFETY: the table and the host outlive the plugin, which `Drop` drops first.
        let (twin, plugin) = unsafe {
            let twin = tollgate_twin_v2();
            (
                twin,
                (twin.create)(&*table, on_fail, ptr::from_mut(&mut answer).cast()),
            )
        };
        assert_eq!(twin.abi, abi::ABI_VERSION);
        if plugin.is_null() {
            Err(answer.said)
        } else {
            Ok(Self {
                host,
                _table: table,
                twin,
                plugin,
            })
        }
    }

    fn new() -> Self {
        Self::with_abi(abi::ABI_VERSION).unwrap()
    }

    fn handle(&self, command: &str, data: &[u8]) -> Result<Vec<(String, String, Vec<u8>)>, Said> {
        let frame = abi::Frame {
            sequence: 3,
            acquired_ns: 5,
            source: bytes(b"camera"),
            content_type: bytes(command.as_bytes()),
            data: bytes(data),
        };
        let mut answer = Answer::default();
        // SAFETY: the plugin is there until `Drop`, and the frame and the answer live here.
        let done = unsafe {
            (self.twin.handle)(
                self.plugin,
                &frame,
                on_output,
                on_fail,
                ptr::from_mut(&mut answer).cast(),
            )
        };
        assert_eq!(done, answer.said.is_empty());
        if done {
            Ok(answer.outputs)
        } else {
            Err(answer.said)
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: made by `create`, and dropped once.
        unsafe { (self.twin.drop)(self.plugin) }
    }
}

#[test]
fn frames_go_in_and_outputs_come_out() {
    let session = Session::new();
    let outputs = session.handle("infer", &[1, 2, 3]).unwrap();
    assert_eq!(outputs[0], ("y".into(), "raw".into(), vec![2, 4, 6]));
    assert_eq!(
        outputs[1],
        (
            "sum".into(),
            "application/json".into(),
            b"{\"sum\":6}".to_vec()
        )
    );
    let outputs = session.handle("compute", &[4]).unwrap();
    assert_eq!(outputs[0], ("y".into(), "raw".into(), vec![8]));
    assert_eq!(outputs[1].0, "sum");
    assert_eq!(session.handle("many", &[9]).unwrap()[0].2, [18]);
    let outputs = session.handle("seen", &[]).unwrap();
    assert_eq!(
        outputs,
        [("seen".into(), "camera".into(), b"4 3 5".to_vec())]
    );
}

#[test]
fn a_graph_is_described() {
    let session = Session::new();
    let text = String::from_utf8(session.handle("describe", &[]).unwrap()[0].2.clone()).unwrap();
    for part in ["\"x\"", "U8", "\"y\"", "Fp32", "[None, Some(3)]", "\"cpu\""] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn faults_come_back_and_the_plugin_goes_on() {
    let session = Session::new();
    let refused = session.handle("dance", &[]).unwrap_err();
    assert_eq!(refused, [(0, "'dance' means nothing".to_owned())]);
    let refused = session.handle("infer", &[]).unwrap_err();
    assert_eq!(
        refused,
        [(1, "input 'x' is empty (invalid-argument)".to_owned())]
    );
    let refused = session.handle("missing", &[]).unwrap_err();
    assert_eq!(
        refused,
        [(1, "no graph of that name (not-found)".to_owned())]
    );
    assert_eq!(session.handle("seen", &[]).unwrap()[0].2, b"4 3 5");
}

#[test]
fn a_panic_is_a_fault_and_the_next_frame_meets_a_new_plugin() {
    let session = Session::new();
    session.handle("seen", &[]).unwrap();
    let refused = session.handle("panic", &[]).unwrap_err();
    let [(2, words)] = &refused[..] else {
        panic!("expected one internal fault: {refused:?}");
    };
    assert!(
        words.starts_with("the plugin panicked at ") && words.contains("tests/twin.rs:"),
        "{words}"
    );
    assert!(words.ends_with(": asked to"), "{words}");
    assert_eq!(
        (session.host.loaded.get(), session.host.dropped.get()),
        (1, 1)
    );
    assert_eq!(session.handle("seen", &[]).unwrap()[0].2, b"1 3 5");
    assert_eq!(session.host.loaded.get(), 2);
}

#[test]
fn a_plugin_that_cannot_be_made_says_why() {
    REFUSE_NEW.set(true);
    let refused = Session::with_abi(abi::ABI_VERSION).map(drop).unwrap_err();
    assert_eq!(refused, [(2, "not today".to_owned())]);
    REFUSE_NEW.set(false);
    Session::new().handle("seen", &[]).unwrap();
}

#[test]
fn another_abi_is_refused() {
    let refused = Session::with_abi(abi::ABI_VERSION + 1)
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].1.contains("version 2"), "{}", refused[0].1);
    let mut answer = Answer::default();
    // SAFETY: no table is what is being tested; the answer lives here.
    let plugin = unsafe {
        (tollgate_twin_v2().create)(ptr::null(), on_fail, ptr::from_mut(&mut answer).cast())
    };
    assert!(plugin.is_null());
    assert!(
        answer.said[0].1.starts_with("no host"),
        "{}",
        answer.said[0].1
    );
}

#[test]
fn a_graph_that_outlives_its_plugin_never_reaches_the_host() {
    let session = Session::new();
    session.handle("stash", &[]).unwrap();
    let graph = STASH.take().unwrap();
    assert_eq!(
        graph.infer(&[Input::new(&[1], &[1u8])]).unwrap()[0].bytes(),
        [2]
    );
    drop(session);
    let error = graph.infer(&[Input::new(&[1], &[1u8])]).unwrap_err();
    assert!(error.message.contains("outlived"), "{error}");
    drop(graph);
    let error = Graph::load("double").map(drop).unwrap_err();
    assert!(error.message.starts_with("no host"), "{error}");
}

#[test]
fn graphs_are_handed_back() {
    let mut session = Session::new();
    session.handle("compute", &[1]).unwrap();
    assert_eq!(
        (session.host.loaded.get(), session.host.dropped.get()),
        (1, 0)
    );
    // SAFETY: made by `create`, and `Drop` now finds no plugin to drop again.
    unsafe { (session.twin.drop)(std::mem::replace(&mut session.plugin, ptr::null_mut())) };
    assert_eq!(session.host.dropped.get(), 1);
}
